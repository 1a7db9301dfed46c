// Where a process prints to.
import { expect, test } from 'vitest';
import { check, run } from '../fixtures/process/programs.js';
import { describeEach } from '../support/start-methods.js';

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
});
