// What it costs to wake somebody who does not sleep: nothing but memory.
import { test } from 'vitest';
import { check } from '../fixtures/synchronize/programs.js';
import { describeEach } from '../support/start-methods.js';

describeEach(
  'Waiting in the event loop',
  (testCase) => {
    test('while it is busy in JavaScript, who posts makes no system call', async () => {
      await check(
        testCase,
        `const [ROUNDS, POSTS] = [20, 50];
        const path = require('node:path').join(__dirname, 'board');
        const board = fs.openSync(path, 'w+');
        fs.writeSync(board, Buffer.alloc(2), 0, 2, 0);
        const byte = Buffer.alloc(1);
        const semaphore = new Semaphore(0);
        const [line, p] = await startWithLine(t.postToBusy, semaphore, { pid: process.pid, path, rounds: ROUNDS, posts: POSTS });
        // Blocked in the loop it is rung, and that is a write: so the child can see one.
        const rung = line.recv();
        let pending = semaphore.acquire();
        while ((await Promise.race([pending, rung])) !== 'rung') pending = semaphore.acquire();
        const all = [pending, ...Array.from({ length: ROUNDS * POSTS - 1 }, () => semaphore.acquire())];
        for (let round = 1; round <= ROUNDS; round++) {
          // Through the loop until nothing is left to serve, so that it is armed there, and then busy until the child has posted.
          for (let i = 0; i < 3; i++) await turn();
          byte[0] = round;
          fs.writeSync(board, byte, 0, 1, 0);
          while (fs.readSync(board, byte, 0, 1, 1) !== 1 || byte[0] !== round);
        }
        assert.equal(await line.recv(), 0);
        assert.ok((await Promise.all(all)).every((acquired) => acquired));
        assert.equal(semaphore.getValue(), 0);
        assert.equal(await p.join(), 0);`,
      );
    });
  },
  ({ backend }) => backend === 'native',
);
