// The protocol under every interleaving that a seed can draw, with deaths at any step.
import { describe, expect, test } from 'vitest';
import type { Channel, Message } from '../../../lib/backend/contract.js';
import { BrokenPipeError, EndOfFileError, TimeoutError } from '../../../lib/errors.js';
import { SimulatedTree, type SimulatedProcess } from './simulated-tree.js';

/** Which seeds to draw from: as many as are worth the time of every run, others to look for more or to repeat one. */
const COUNT = Number(process.env['SIMULATION_SEEDS'] ?? 40);
const FIRST = Number(process.env['SIMULATION_FIRST'] ?? 1);
const seeds = Array.from({ length: COUNT }, (_, index) => FIRST + index);

function numbered(number: number, size = 8): Message {
  const bytes = new Uint8Array(Math.max(8, size));
  new DataView(bytes.buffer).setFloat64(0, number);
  return { bytes, handles: [] };
}

function numberOf({ bytes }: Message): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Steps the tree until the promise has settled; fails when the tree has come to rest long before. */
async function settled<T>(tree: SimulatedTree, promise: Promise<T>): Promise<T> {
  let done = false;
  const end = promise.finally(() => (done = true));
  end.catch(() => undefined);
  for (let quiet = 0; !done && quiet < 300;) quiet = (await tree.step()) ? 0 : quiet + 1;
  if (!done) throw new Error('nothing happens any more, and the promise has not settled');
  return end;
}

function grow(tree: SimulatedTree, count: number): SimulatedProcess[] {
  for (let more = count; more > 0; more -= 1) tree.spawn(tree.pick(tree.processes));
  return tree.processes.slice(1);
}

function isBelow(process: SimulatedProcess, ancestor: SimulatedProcess): boolean {
  return process === ancestor || process.name.startsWith(`${ancestor.name}.`);
}

/** Everybody who lives closes everything; then nothing is left anywhere. */
async function expectNothingHeld(tree: SimulatedTree): Promise<void> {
  const living = tree.processes.filter(({ alive }) => alive);
  for (const process of living) process.closeAll();
  await tree.run();
  const left = tree.processes
    .filter(({ alive }) => alive)
    .map(({ name, router }) => [
      name,
      router.brokerSize,
      router.ends.size,
      router.ends.liveness.holds,
    ]);
  expect(left).toEqual(left.map(([name]) => [name, 0, 0, 0]));
}

async function readAll(process: SimulatedProcess, channel: Channel): Promise<number[]> {
  const got: number[] = [];
  while (process.alive) {
    try {
      got.push(numberOf(await channel.recv({})));
    } catch (error) {
      if (!(error instanceof EndOfFileError)) throw error;
      return got;
    }
  }
  return got;
}

/** Keeps the tree moving beside what `body` does. */
async function during<T>(tree: SimulatedTree, body: () => Promise<T>): Promise<T> {
  return settled(tree, body());
}

describe.each(seeds)('seed %i', (seed) => {
  test('every message arrives once and in order, wherever the two ends are', async () => {
    const tree = new SimulatedTree(seed);
    grow(tree, 4);
    await during(tree, async () => {
      const owner = tree.pick(tree.processes);
      const [left, right] = owner.pair();
      const [writer, reader] = [tree.pick(tree.processes), tree.pick(tree.processes)];
      const out = await tree.hand(owner, left, writer);
      const into = await tree.hand(owner, right, reader);
      left.close();
      right.close();
      const reading = readAll(reader, into);
      for (const number of upTo(30)) {
        const size = tree.random() < 0.1 ? 3_000_000 : tree.random() * 200_000;
        await out.send(numbered(number, size), {});
      }
      out.close();
      expect(await reading).toEqual(upTo(30));
    });
    await expectNothingHeld(tree);
  });

  test('what was sent before a death arrives, and then the stream ends', async () => {
    const tree = new SimulatedTree(seed);
    const children = grow(tree, 5);
    const writer = tree.pick(children);
    const victim = tree.pick(children.filter((process) => isBelow(writer, process)));
    const safe = tree.processes.filter((process) => !isBelow(process, victim));
    const reader = tree.pick(safe);
    const resolved: number[] = [];
    await during(tree, async () => {
      const [left, right] = tree.root.pair();
      const out = await tree.hand(tree.root, left, writer);
      const into = await tree.hand(tree.root, right, reader);
      left.close();
      right.close();
      const reading = readAll(reader, into);
      const writing = (async () => {
        for (const number of upTo(1000)) {
          await out.send(numbered(number, tree.random() < 0.05 ? 2_500_000 : 10), {});
          resolved.push(number);
        }
      })();
      // How it ends depends on who is killed.
      writing.catch(() => undefined);
      for (let more = tree.random() * 150; more > 0; more -= 1) await tree.step();
      tree.kill(victim);
      const got = await reading;
      expect(got).toEqual(upTo(got.length));
      expect(got.length).toBeGreaterThanOrEqual(resolved.length);
    });
    await expectNothingHeld(tree);
  });

  test('a writer whose reader dies finds the pipe broken', async () => {
    const tree = new SimulatedTree(seed);
    const children = grow(tree, 5);
    const reader = tree.pick(children);
    const victim = tree.pick(children.filter((process) => isBelow(reader, process)));
    const writer = tree.pick(tree.processes.filter((process) => !isBelow(process, victim)));
    await during(tree, async () => {
      const [left, right] = tree.root.pair();
      const out = await tree.hand(tree.root, left, writer);
      const into = await tree.hand(tree.root, right, reader);
      left.close();
      right.close();
      if (tree.random() < 0.5) readAll(reader, into).catch(() => undefined);
      const writing = (async () => {
        for (;;) await out.send(numbered(0, tree.random() * 400_000), {});
      })();
      writing.catch(() => undefined);
      for (let more = tree.random() * 60; more > 0; more -= 1) await tree.step();
      tree.kill(victim);
      await expect(writing).rejects.toThrow(BrokenPipeError);
    });
    await expectNothingHeld(tree);
  });

  test('an end that moves from reader to reader loses, doubles and reorders nothing', async () => {
    const tree = new SimulatedTree(seed);
    grow(tree, 4);
    const got: number[] = [];
    await during(tree, async () => {
      const [left, right] = tree.root.pair();
      let holder = tree.root;
      let channel = right;
      void (async () => {
        for (const number of upTo(60))
          await left.send(numbered(number, tree.random() * 20_000), {});
        left.close();
      })();
      for (;;) {
        for (let more = Math.floor(tree.random() * 12); more > 0; more -= 1) {
          const message = await cancellable(tree, channel);
          if (message === 'end') {
            expect(got).toEqual(upTo(60));
            return;
          }
          if (message !== 'cancelled') got.push(numberOf(message));
        }
        const next = tree.pick(tree.processes);
        const handed = await tree.hand(holder, channel, next);
        channel.close();
        [holder, channel] = [next, handed];
      }
    });
    await expectNothingHeld(tree);
  });

  test('readers that share an end get each message once, and each reader in order', async () => {
    const tree = new SimulatedTree(seed);
    grow(tree, 4);
    await during(tree, async () => {
      const [left, right] = tree.root.pair();
      const shares = [right];
      const homes = [tree.root];
      for (const process of tree.processes.slice(1)) {
        shares.push(await tree.hand(tree.root, right, process));
        homes.push(process);
      }
      void (async () => {
        for (const number of upTo(80)) await left.send(numbered(number), {});
        left.close();
      })();
      const all = await Promise.all(
        shares.map(async (channel) => {
          const got: number[] = [];
          for (;;) {
            const message = await cancellable(tree, channel);
            if (message === 'end') return got;
            if (message !== 'cancelled') got.push(numberOf(message));
          }
        }),
      );
      for (const got of all) expect(got).toEqual([...got].sort((a, b) => a - b));
      expect(all.flat().sort((a, b) => a - b)).toEqual(upTo(80));
    });
    await expectNothingHeld(tree);
  });

  test('a sharing reader that dies takes no more with it than was handed to it', async () => {
    const tree = new SimulatedTree(seed);
    const children = grow(tree, 4);
    const victim = tree.pick(children);
    await during(tree, async () => {
      const [left, right] = tree.root.pair();
      const readers: Promise<number[]>[] = [];
      for (const process of tree.processes.slice(1)) {
        const share = await tree.hand(tree.root, right, process);
        const reading = readAll(process, share);
        if (isBelow(process, victim)) reading.catch(() => undefined);
        else readers.push(reading);
      }
      readers.push(readAll(tree.root, right));
      const writing = (async () => {
        for (const number of upTo(100)) await left.send(numbered(number), {});
        left.close();
      })();
      for (let more = tree.random() * 60; more > 0; more -= 1) await tree.step();
      tree.kill(victim);
      await writing;
      const got = (await Promise.all(readers)).flat().sort((a, b) => a - b);
      expect(new Set(got).size).toBe(got.length);
    });
    await expectNothingHeld(tree);
  });

  test('processes that are let go are a tree of their own', async () => {
    const tree = new SimulatedTree(seed);
    const middle = tree.spawn(tree.root);
    const top = tree.spawn(middle);
    const below = tree.spawn(tree.spawn(top));
    await during(tree, async () => {
      const [left, right] = tree.root.pair();
      const old = await tree.hand(tree.root, right, below);
      right.close();
      const reading = readAll(below, old);
      await left.send(numbered(0), {});
      const line = top.lines.get(tree.processes[3] as SimulatedProcess) as Channel;
      const waiting = line.recv({});
      waiting.catch(() => undefined);
      for (let more = tree.random() * 30; more > 0; more -= 1) await tree.step();
      middle.router.letGo(top.name);
      tree.kill(middle);
      await expect(waiting).rejects.toThrow(EndOfFileError);
      expect([[], [0]]).toContainEqual(await reading);
      await expect(old.send(numbered(1), {})).rejects.toThrow(BrokenPipeError);
      // The root learns of the death in its own time.
      const sending = (async () => {
        for (;;) await left.send(numbered(1, 100_000), {});
      })();
      await expect(sending).rejects.toThrow(BrokenPipeError);
      const grandchild = tree.spawn(below);
      const [near, far] = top.pair();
      const moved = await tree.hand(top, far, top);
      far.close();
      await near.send(numbered(2), {});
      expect(numberOf(await moved.recv({}))).toBe(2);
      await (below.lines.get(grandchild) as Channel).send(numbered(3), {});
      expect(numberOf((await grandchild.control?.recv({})) as Message)).toBe(3);
    });
    await expectNothingHeld(tree);
  });

  test('chaos: whatever happens, every wait settles, nothing is doubled, and all is released', async () => {
    const tree = new SimulatedTree(seed);
    grow(tree, 5);
    const received = new Set<number>();
    let sent = 0;
    const waits = new Map<SimulatedProcess, number>();
    const count = (process: SimulatedProcess, wait: Promise<unknown>): void => {
      waits.set(process, (waits.get(process) ?? 0) + 1);
      const done = (): void => {
        waits.set(process, (waits.get(process) ?? 0) - 1);
      };
      wait.then(done, done);
    };
    const take = async (process: SimulatedProcess, channel: Channel): Promise<void> => {
      const signal = tree.random() < 0.3 ? aborting(tree) : undefined;
      const message = await channel.recv(tree.random() < 0.2 ? { timeout: 0 } : { signal });
      const number = numberOf(message);
      expect(received.has(number)).toBe(false);
      received.add(number);
      process.receive(message);
    };
    const act = (process: SimulatedProcess): void => {
      const channels = [...process.channels, ...process.lines.values()].concat(
        process.control ?? [],
      );
      const channel = tree.pick(channels.filter(({ closed }) => !closed).concat());
      const chance = tree.random();
      if (channel === undefined || chance < 0.08) process.pair();
      else if (chance < 0.5) {
        sent += 1;
        const message = numbered(sent, tree.random() < 0.05 ? 1_500_000 : 16);
        const passenger = tree.pick(channels.filter(({ closed }) => !closed));
        const handles = tree.random() < 0.5 ? [passenger.toTransfer()] : [];
        const sending = channel.send({ ...message, handles }, { timeout: 0 });
        count(
          process,
          sending.catch((error: unknown) => {
            for (const handle of handles) handle.discard();
            throw error;
          }),
        );
        if (handles.length > 0 && tree.random() < 0.5) passenger.close();
      } else if (chance < 0.85) count(process, take(process, channel));
      else if (chance < 0.92) count(process, channel.poll({ signal: aborting(tree) }));
      else if (chance < 0.99) channel.close();
      else if (process !== tree.root) {
        for (const child of process.lines.keys()) {
          if (tree.random() < 0.5) process.router.letGo(child.name);
        }
        tree.kill(process);
      }
    };
    for (let acts = 0; acts < 250; acts += 1) {
      act(tree.pick(tree.processes.filter(({ alive }) => alive)));
      if (tree.random() < 0.7) await tree.step();
    }
    await tree.run();
    // What still travelled when everything was closed is received, and closed in turn.
    await expectNothingHeld(tree);
    for (const [{ name, alive }, left] of waits) if (alive) expect([name, left]).toEqual([name, 0]);
  });
});

/** A recv that may be cut short by an abort or a timeout of 0. */
async function cancellable(
  tree: SimulatedTree,
  channel: Channel,
): Promise<Message | 'cancelled' | 'end'> {
  const chance = tree.random();
  const wait = chance < 0.3 ? { signal: aborting(tree) } : chance < 0.5 ? { timeout: 0 } : {};
  try {
    return await channel.recv(wait);
  } catch (error) {
    if (error instanceof EndOfFileError) return 'end';
    if (error instanceof TimeoutError || (error as Error).message === 'enough') return 'cancelled';
    throw error;
  }
}

/** Fires after some more of what happens. */
function aborting(tree: SimulatedTree): AbortSignal {
  const controller = new AbortController();
  let turns = Math.floor(tree.random() * 8);
  const wait = (): void => {
    turns -= 1;
    if (turns < 0) controller.abort(new Error('enough'));
    else setImmediate(wait);
  };
  setImmediate(wait);
  return controller.signal;
}
