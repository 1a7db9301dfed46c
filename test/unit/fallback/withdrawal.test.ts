// A wait that is cut short in the very moment in which its message is on the way.
import { afterEach, expect, test, vi } from 'vitest';
import type { Channel } from '../../../lib/backend/contract.js';
import { SimulatedTree, type SimulatedProcess } from './simulated-tree.js';

interface Shared {
  tree: SimulatedTree;
  writer: Channel;
  readers: [SimulatedProcess, Channel][];
}

/** Two children that read the same end, and everything at rest. */
async function share(): Promise<Shared> {
  const tree = new SimulatedTree(1);
  const children = [tree.spawn(tree.root), tree.spawn(tree.root)];
  const [writer, right] = tree.root.pair();
  const readers: [SimulatedProcess, Channel][] = [];
  for (const child of children) {
    const handing = tree.hand(tree.root, right, child);
    await tree.run();
    readers.push([child, await handing]);
  }
  right.close();
  await tree.run();
  return { tree, writer, readers };
}

function byte(value: number): { bytes: Uint8Array; handles: [] } {
  return { bytes: Uint8Array.of(value), handles: [] };
}

afterEach(() => {
  vi.useRealTimers();
});

for (const how of ['timeout', 'abort'] as const) {
  test(`${how}: the message is the outcome, and nobody else's is taken`, async () => {
    const { tree, writer, readers } = await share();
    // The timeout passes when the test says so: after the message was sent, however slow the machine.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const [[first, early], [, late]] = readers as [
      [SimulatedProcess, Channel],
      [SimulatedProcess, Channel],
    ];
    const controller = new AbortController();
    const wait = how === 'abort' ? { signal: controller.signal } : { timeout: 5 };
    const wants = (): number => tree.root.heard.filter((word) => word === 'want').length;
    const before = wants();
    const reading = early.recv(wait).then(({ bytes }) => bytes[0]);
    reading.catch(() => undefined);
    await tree.run();
    await writer.send(byte(1), {});
    if (how === 'abort') controller.abort(new Error('enough'));
    else vi.advanceTimersByTime(5);
    await tree.run();
    expect(await reading).toBe(1);

    // Asking for one message too many would hold up the other reader's.
    expect(wants() - before).toBe(1);
    const pushes = first.heard.filter((word) => word === 'push').length;
    const other = late.recv({});
    await tree.run();
    await writer.send(byte(2), {});
    await tree.run();
    expect((await other).bytes[0]).toBe(2);
    expect(first.heard.filter((word) => word === 'push').length).toBe(pushes);
    for (const process of tree.processes) process.closeAll();
    await tree.run();
    expect(tree.root.router.brokerSize).toBe(0);
  });
}
