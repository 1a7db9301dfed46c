// The line that a program with a pool says when SIGINT ends it: when it comes, and when it does not.
import { expect, test } from 'vitest';
import { interrupted, lineOf, program } from '../fixtures/pool/interrupts.js';
import type { ProgramOptions, ProgramResult } from '../support/clean-node.js';
import { describeEach, when, type Case } from '../support/start-methods.js';
import { TERMINAL } from '../support/terminal.js';

const run = (testCase: Case, body: string, options: ProgramOptions = {}): Promise<ProgramResult> =>
  testCase.run(program(body), { esm: true, ...options });

const CALM = { code: 0, signal: null, stderr: '' };

describeEach('SIGINT', (testCase) => {
  const line = lineOf(testCase);
  const native = testCase.backend === 'native';

  test('ends a program that is busy itself at once', async () => {
    const result = await run(
      testCase,
      `const pool = new mp.Pool(2);
      const begun = new Promise((resolve) =>
        pool.applyAsync(tasks.reportThenSleep, [100_000], { onReport: resolve }));
      pool.mapAsync(tasks.sleepFor, Array(10).fill(100_000), { chunkSize: 1 });
      await Promise.all([begun, pool.ready()]);
      interruptLater();
      for (;;);`,
    );
    expect(result).toMatchObject(interrupted(line));
  });

  test('from a terminal, for the whole group, is one line in all', async () => {
    const body = `
      const pool = new mp.Pool(2);
      pool.mapAsync(tasks.sleepFor, Array(10).fill(100_000), { chunkSize: 1 });
      await pool.ready();
      console.log('ready');
      await forEver();`;
    const { code, stdout, stderr } = await run(
      testCase,
      `if (process.stdout.isTTY) { ${body} }
      const command = [process.execPath, ...process.execArgv, process.argv[1]];
      const { status, stdout } = spawnSync('python3', ['-c', ${JSON.stringify(TERMINAL)}, 'ready', ...command]);
      process.stdout.write(stdout);
      process.exitCode = status;`,
    );
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    expect(stdout).toBe(`ready\r\n^C${line.replace('\n', '\r\n')}`);
  });

  test('ends a program with an executor in the same way, until that has ended', async () => {
    const body = (end: string): string => `
      const executor = new mp.ProcessPoolExecutor(2);
      assert.equal(await executor.submit(tasks.double, 2), 4);
      ${end}
      interrupt();
      await forEver();`;
    expect(await run(testCase, body(''))).toMatchObject(interrupted(line));
    expect(await run(testCase, body('await executor.shutdown();'))).toMatchObject(interrupted(''));
  });

  test.each([
    ['before', "process.on('SIGINT', hear);", ''],
    ['after', '', "process.on('SIGINT', hear);"],
  ])('is left to a listener from %s the pool: not a word, and all goes on', async (_, ...added) => {
    const result = await run(
      testCase,
      `let heard;
      const next = () => new Promise((resolve) => (heard = resolve));
      const hear = () => heard();
      ${added[0]}
      const pool = new mp.Pool(2);
      ${added[1]}
      const awake = setInterval(() => undefined, 1000);
      for (const n of [1, 2]) {
        const hearing = next();
        const running = pool.apply(tasks.slowly, [n, 200]);
        await pool.ready();
        ctrlC();
        await hearing;
        assert.equal(await running, n);
      }
      clearInterval(awake);
      pool.close();
      await pool.join();`,
    );
    expect(result).toMatchObject({ ...CALM, stdout: '' });
  });

  test.each([
    ['the next executor', "process.off('SIGINT', hear); new mp.ProcessPoolExecutor(1);"],
    [
      "a pool's next task",
      "process.off('SIGINT', hear); await sleep(150); await pool.apply(tasks.double, [1]);",
    ],
  ])('is announced again from %s on, when a listener has gone', async (_when, gone) => {
    const result = await run(
      testCase,
      `const hear = () => undefined;
      process.on('SIGINT', hear);
      const pool = new mp.Pool(1);
      await pool.apply(tasks.double, [1]);
      ${gone}
      interrupt();
      await forEver();`,
    );
    expect(result).toMatchObject(interrupted(line));
  });

  test.each([
    ['closed', 'pool.close(); await pool.join();'],
    ['terminated', 'pool.terminate(); await pool.join();'],
    ['broken', 'await assert.rejects(pool.ready()); await pool.join();'],
    ['given up', 'pool = undefined; await collected();'],
  ])('finds nothing to say when the last pool is %s', async (how, end) => {
    const body = (more: string): string => `
      const initializer = ${how === 'broken' ? 'tasks.failInitializer' : 'undefined'};
      const collected = async () => {
        let ended = false;
        subscribe('node-multiprocessing:worker:end', () => { ended = true; });
        while (!ended) { globalThis.gc(); await sleep(10); }
        await new Promise(setImmediate);
      };
      const { subscribe } = await import('node:diagnostics_channel');
      let pool = new mp.Pool({ processes: 1, ...(initializer && { initializer }) });
      if (!initializer) await pool.apply(tasks.pid);
      const other = ${more};
      ${end}
      interrupt();
      await forEver();
      console.log(other);`;
    // A pool that is given up is warned of.
    const options = { nodeArgs: ['--expose-gc', '--no-warnings'] };
    const ended = await run(testCase, body('undefined'), options);
    expect(ended).toMatchObject(interrupted(''));
    const another = await run(testCase, body('new mp.Pool(1);\nawait other.ready()'), options);
    expect(another).toMatchObject(interrupted(line));
  });

  test('says it while a closed pool still works', async () => {
    const result = await run(
      testCase,
      `const pool = new mp.Pool(1);
      pool.applyAsync(tasks.reportThenSleep, [100_000], { onReport: interrupt });
      pool.close();
      await pool.join();`,
    );
    expect(result).toMatchObject(interrupted(line));
  });

  test('ends a child of a program with a pool without a word, unless it has one of its own', async () => {
    const result = await run(
      testCase,
      `const pool = new mp.Pool(1);
      assert.equal(await pool.apply(tasks.double, [1]), 2);
      const child = new mp.Process({ target: tasks.sleepFor, args: [100_000] });
      await child.start();
      child.interrupt();
      assert.equal(await child.join(), -2);
      const owner = new mp.Process({ target: tasks.interruptWithPool });
      await owner.start();
      assert.equal(await owner.join(), -2);
      pool.close();
      await pool.join();`,
    );
    expect(result).toMatchObject({ ...CALM, stderr: line });
  });

  when(testCase.method === 'fork')('ends a child of fork() without a word', async () => {
    const result = await run(
      testCase,
      `const pool = new mp.Pool(1);
      assert.equal(await pool.apply(tasks.double, [1]), 2);
      const pid = mp.fork();
      if (pid === 0) { interrupt(); await forEver(); }
      while (fs.existsSync('/proc/' + pid)) await sleep(5);
      pool.close();
      await pool.join();`,
    );
    expect(result).toMatchObject(CALM);
  });

  when(testCase.method === 'spawn')('knows of the pools of a worker_thread', async () => {
    const body = (end: string): string => `
      const thread = new Worker(
        \`const { Pool } = require('node-multiprocessing');
        const pool = new Pool(1);
        pool.ready().then(() => require('node:worker_threads').parentPort.postMessage('ready'));
        setInterval(() => {}, 1000);\`, { eval: true });
      await new Promise((resolve) => thread.once('message', resolve));
      ${end}
      interrupt();
      await forEver();`;
    expect(await run(testCase, body(''))).toMatchObject(interrupted(line));
    expect(await run(testCase, body('await thread.terminate();'))).toMatchObject(interrupted(''));
  });

  when(native && testCase.method === 'spawn')(
    'does not wait for a stderr that nobody reads',
    async () => {
      const { code, stdout, stderr } = await run(
        testCase,
        `if (process.argv[2] !== 'pool') {
        const name = process.argv[1] + '.fifo';
        execFileSync('mkfifo', [name]);
        const held = fs.openSync(name, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
        assert.throws(() => { for (;;) fs.writeSync(held, Buffer.alloc(4096)); }, { code: 'EAGAIN' });
        // Opened anew: one that blocks.
        const full = fs.openSync(name, 'w');
        const child = spawn(process.execPath, [...process.execArgv, process.argv[1], 'pool'],
          { stdio: ['ignore', 'inherit', full] });
        child.on('exit', (code, signal) => console.log(code, signal));
      } else {
        // Node has made stderr one that does not block; with its start a worker has undone that for all that share it.
        const pool = new mp.Pool(1);
        assert.equal(await pool.apply(tasks.double, [1]), 2);
        interrupt();
        await forEver();
      }`,
      );
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'null SIGINT\n', stderr: '' });
    },
  );
});
