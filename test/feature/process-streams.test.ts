// Where a process prints to.
import { expect, test } from 'vitest';
import { check, run } from '../fixtures/process/programs.js';
import { describeEach, when } from '../support/start-methods.js';

describeEach('The streams of a process', (testCase) => {
  test('inherit: what it prints comes out of its parent', async () => {
    const result = await run(
      testCase,
      `const p = new Process({ target: t.print, args: ['to stdout', 'to stderr'] });
      await p.start();
      await p.join();`,
    );
    expect(result).toMatchObject({ code: 0, stdout: 'to stdout', stderr: 'to stderr' });
  });

  test('pipe: its parent reads it, all of it', async () => {
    await check(
      testCase,
      `const p = new Process({ target: t.printMuch, args: [1_000_000], stdout: 'pipe', stderr: 'ignore' });
      assert.equal(p.stdout, null);
      await p.start();
      let size = 0;
      for await (const chunk of p.stdout) size += chunk.length;
      assert.equal(size, 1_000_000);
      assert.equal(p.stderr, null);
      assert.equal(await p.join(), 0);`,
    );
  });

  test('a path, a descriptor, nothing', async () => {
    await check(
      testCase,
      `const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'streams-'));
      const file = path.join(folder, 'out');
      const fd = fs.openSync(path.join(folder, 'err'), 'a');
      for (const text of ['one ', 'two']) {
        const p = new Process({ target: t.print, args: [text, text.toUpperCase()], stdout: file, stderr: fd });
        await p.start();
        await p.join();
      }
      assert.equal(fs.readFileSync(file, 'utf8'), 'one two');
      assert.equal(fs.readFileSync(path.join(folder, 'err'), 'utf8'), 'ONE TWO');
      const quiet = new Process({ target: t.print, args: ['x', 'y'], stdout: 'ignore', stderr: 'ignore' });
      await quiet.start();
      assert.equal(await quiet.join(), 0);
      const wrong = new Process({ target: t.nothing, stdout: path.join(folder, 'no', 'such') });
      await assert.rejects(wrong.start(), code('ENOENT'));
      fs.closeSync(fd);
      fs.rmSync(folder, { recursive: true });`,
    );
  });

  test('a socket of the parent, which has it after as before', async () => {
    await check(
      testCase,
      `const net = require('node:net');
      const { once } = require('node:events');
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const ours = net.connect(server.address().port, '127.0.0.1');
      const [theirs] = await once(server, 'connection');
      const open = () => fs.readdirSync('/proc/self/fd').length;
      let text = '';
      theirs.on('data', (chunk) => (text += chunk));
      const heard = async (expected) => {
        while (text.length < expected.length) await once(theirs, 'data');
        assert.equal(text, expected);
        text = '';
      };
      const fd = ours._handle.fd;
      let before;
      for (const streams of [{ stdout: fd, stderr: fd }, { stderr: fd }, { stdout: fd }]) {
        const p = new Process({ target: t.print, args: ['out ', 'err '], stdout: 'ignore', stderr: 'ignore', ...streams });
        await p.start();
        await heard((streams.stdout ? 'out ' : '') + (streams.stderr ? 'err ' : ''));
        assert.equal(await p.join(), 0);
        p.close();
        // The first child has brought what stays open.
        if (method === 'fork') assert.equal(open(), (before ??= open()));
        ours.write('still here');
        await heard('still here');
      }
      const ended = once(theirs, 'end');
      ours.end();
      await ended;
      server.close();`,
    );
  });

  test('a slow reader of the inherited stdout gets everything before the child is gone', async () => {
    const result = await run(
      testCase,
      `const p = new Process({ target: t.printMuch, args: [300_000] });
      await p.start();
      assert.equal(await p.join(), 0);`,
    );
    expect(result.code).toBe(0);
    expect(result.stdout).toHaveLength(300_000);
  });

  when(testCase.backend === 'native')(
    'process.exit() does not wait for what nobody can read any more',
    async () => {
      const result = await run(
        testCase,
        `const [receiver, sender] = Pipe({ duplex: false });
        const p = new Process({ target: t.printMuchAndTell, args: [sender, 1_000_000], stdout: 'pipe', stderr: 'ignore' });
        await p.start();
        assert.equal(await receiver.recv(), 'printing');
        process.exit(3);`,
      );
      expect(result).toMatchObject({ code: 3, stderr: '' });
    },
  );

  test('a daemon with streams of its own does not keep its parent', async () => {
    const result = await run(
      testCase,
      `const p = new Process({ target: t.sleepFor, args: [100_000], daemon: true, stdout: 'pipe', stderr: 'pipe' });
      await p.start();`,
    );
    expect(result).toMatchObject({ code: 0, stderr: '' });
  });

  when(process.platform === 'linux')('what nobody reads holds no descriptor', async () => {
    await check(
      testCase,
      `const open = () => fs.readdirSync('/proc/self/fd').length;
      const use = async (close) => {
        const p = new Process({ target: t.print, args: ['x', 'y'], stdout: 'pipe', stderr: 'pipe' });
        await p.start();
        await p.join();
        if (close) p.close();
      };
      await use(true);
      for (const close of [true, false]) {
        const before = open();
        for (let i = 0; i < 10; i++) await use(close);
        while (open() > before + 4) await sleep(5);
      }`,
    );
  });

  test('who reads before the end has it all, also after close()', async () => {
    await check(
      testCase,
      `const p = new Process({ target: t.printMuch, args: [50_000], stdout: 'pipe' });
      await p.start();
      const { stdout } = p;
      let size = 0;
      stdout.on('data', (chunk) => (size += chunk.length));
      const ended = new Promise((resolve) => stdout.once('end', resolve));
      await p.join();
      p.close();
      await ended;
      assert.equal(size, 50_000);`,
    );
  });

  test('a descriptor that does not block loses nothing, however slow its reader', async () => {
    const result = await run(
      testCase,
      `process.stdout.write('x'.repeat(1_000)); // Node sets it so.
      const p = new Process({ target: t.printMuchToStderr, args: [4_999], stderr: 1 });
      await p.start();
      assert.equal(await p.join(), 0);`,
    );
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout.length).toBe(5_000_000);
  });

  when(process.platform !== 'win32')(
    'a FIFO without a reader, and a descriptor that is closed, fail the start',
    async () => {
      await check(
        testCase,
        `const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'streams-'));
      const fifo = path.join(folder, 'fifo');
      require('node:child_process').execFileSync('mkfifo', [fifo]);
      const to = (stdout) => new Process({ target: t.print, args: ['x', ''], stdout });
      await assert.rejects(to(fifo).start(), code('ENXIO'));
      const error = await to(999).start().catch((error) => error);
      assert.ok(error instanceof mp.SystemError, String(error));
      assert.equal(error.code, 'EBADF');
      const fd = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
      const p = to(fifo);
      await p.start();
      assert.equal(await p.join(), 0);
      assert.equal(fs.readFileSync(fd, 'utf8'), 'x');
      fs.closeSync(fd);
      fs.rmSync(folder, { recursive: true });`,
      );
    },
  );
});
