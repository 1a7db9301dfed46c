// The memory of messages that nobody has got yet, in the process that has them. What that of all messages of the fallback has beside
// the items of queues docs/queues.md says.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach, when } from '../support/start-methods.js';

const PRELUDE = `
  const KIB = 1024, MIB = 1024 * KIB;
  /** Kept by this process, when all that could be freed was. */
  const kept = async () => {
    for (const _ of range(3)) {
      await turn();
      globalThis.gc();
    }
    return process.memoryUsage().arrayBuffers;
  };
`;

describeEach('What waits for room, or to be got,', (testCase) => {
  when(testCase.backend === 'fallback')(
    'is at the broker less than 1 MiB and one more, of each process in each queue and each pipe',
    async () => {
      await check(
        testCase,
        `${PRELUDE}
        const PROCESSES = 2, QUEUES = 3, PIPES = 3, N = 40, SIZE = 100 * KIB;
        const queues = range(QUEUES).map(() => new Queue(1));
        for (const queue of queues) queue.putNowait('full');
        const before = await kept();
        const lines = [], children = [], readers = [];
        for (const _ of range(PROCESSES)) {
          const pipes = range(PIPES).map(() => Pipe({ duplex: false }));
          readers.push(...pipes.map(([reader]) => reader));
          const writers = pipes.map(([, writer]) => writer);
          const [line, child] = await startWithLine(w.crowd, { queues, writers }, N, SIZE);
          for (const writer of writers) writer.close();
          lines.push(line);
          children.push(child);
        }
        for (const line of lines) await line.recv();
        const each = MIB + SIZE, all = PROCESSES * (QUEUES + PIPES) * each;
        const waiting = (await kept()) - before;
        assert.ok(waiting <= all && waiting > all * 0.8, String(waiting / all));
        // What has not come here comes when there is room.
        for (const reader of readers) {
          for (const i of range(N)) assert.equal((await reader.recv())[0], i);
        }
        for (const queue of queues) {
          assert.equal(await queue.get(), 'full');
          let sum = 0;
          for (const _ of range(PROCESSES * N)) sum += (await queue.get())[0];
          assert.equal(sum, PROCESSES * N * (N - 1) / 2);
        }
        for (const child of children) assert.equal(await child.join(), 0);
        assert.ok((await kept()) - before < MIB);`,
      );
    },
  );

  test('does not keep the memory of what came with it, when it is short', async () => {
    await check(
      testCase,
      `${PRELUDE}
        const N = 30;
        const receive = (it) => (it.get ?? it.recv).call(it);
        for (const make of [() => { const queue = new Queue(); return [queue, queue]; }, () => Pipe({ duplex: false })]) {
          const [[shorts, toShorts], [longs, toLongs]] = [make(), make()];
          const before = await kept();
          const child = await start(w.besideLongOnes, toShorts, toLongs, N);
          for (const _ of range(N)) assert.equal((await receive(longs)).length, 1000 * KIB);
          assert.equal(await child.join(), 0);
          const more = (await kept()) - before;
          assert.ok(more < 2 * MIB, String(more));
          for (const i of range(N)) assert.equal(await receive(shorts), 'short ' + i);
        }`,
    );
  });
});
