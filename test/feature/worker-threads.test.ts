// Processes that a worker_thread starts.
import { expect, test } from 'vitest';
import { check } from '../fixtures/process/programs.js';
import { describeEach } from '../support/start-methods.js';

describeEach(
  'A worker_thread',
  (testCase) => {
    test('starts processes and pools without a warning of Node', async () => {
      const stdout = await check(
        testCase,
        `const { Worker } = require('node:worker_threads');
        const file = path.join(os.tmpdir(), 'out' + process.pid);
        process.on('exit', () => fs.rmSync(file));
        // Node counts the descriptors of a thread, and warns of those that are closed otherwise than they were opened.
        const worker = new Worker(
          \`const { Process, Pool, Pipe } = require('node-multiprocessing');
          const { basename } = require('node:path');
          process.on('warning', (warning) => { throw warning; });
          (async () => {
            for (const stdout of ['inherit', 'pipe', 'ignore', process.argv[2]]) {
              const [here, there] = Pipe();
              const p = new Process({ target: (end) => end.send('hello'), args: [there], stdout });
              await p.start();
              there.close();
              console.log(await here.recv(), await p.join());
              here.close();
            }
            const pool = new Pool(1);
            console.log(await pool.apply(basename, ['a/b']));
            pool.terminate();
            await pool.join();
          })();\`,
          { eval: true, argv: [file] },
        );
        worker.on('error', (error) => { throw error; });
        await new Promise((resolve) => worker.on('exit', resolve));`,
      );
      expect(stdout).toBe('hello 0\n'.repeat(4) + 'b\n');
    });
  },
  ({ method }) => method === 'spawn',
);
