// fork() while items are being put together: both processes go on.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach } from '../support/start-methods.js';

describeEach(
  'Items that are got together',
  (testCase) => {
    test('are each process’s own, also when the first one forks', async () => {
      await check(
        testCase,
        `class Forking {}
        const [here, there] = mp.Pipe();
        const queue = new Queue(), others = new Queue();
        const long = (byte) => ({ bytes: new Uint8Array(100_000).fill(byte) });
        let isChild = false;
        mp.registerReducer(Forking, () => 0, () => {
          isChild = mp.fork() === 0;
          // The child has decoded all of them before its parent goes on, which puts what could come into their places.
          if (!isChild) {
            assert.equal(here.recvSync(), 'decoded');
            for (const _ of range(4)) others.putNowait(long(0x77));
          }
          return new Forking();
        }, 'Forking');
        for (const item of [new Forking(), long(0x11), long(0x22)]) queue.putNowait(item);
        const got = queue.getManySync(10);
        assert.deepEqual(got.slice(1), [long(0x11), long(0x22)]);
        if (isChild) {
          there.sendSync('decoded');
          mp.exitNow(0);
        }
        for (const _ of range(4)) assert.deepEqual(await others.get(), long(0x77));`,
      );
    });
  },
  ({ method }) => method === 'fork',
);
