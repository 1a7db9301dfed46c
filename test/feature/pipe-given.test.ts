// Which ends of a pipe a forked process has. Every wait here ends by an end of the stream, so a copy too many is a hang.
import { test } from 'vitest';
import { check } from '../fixtures/connection/programs.js';
import { describeEach } from '../support/start-methods.js';

describeEach('The ends of a pipe', (testCase) => {
  test('go with the arguments: a child given one end sees when its parent closes the other', async () => {
    await check(
      testCase,
      `const [here, there] = Pipe();
      const p = new Process({ target: t.echo, args: [there] });
      await p.start();
      await here.send(1);
      assert.equal(await here.recv(), 1);
      there.close();
      here.close();
      assert.equal(await p.join(), 0);`,
    );
  });

  test('of one child are not held open by a child that came later', async () => {
    await check(
      testCase,
      `const [c1, p1] = await start(t.echo);
      const [c2, p2] = await start(t.echo);
      c1.close();
      assert.equal(await p1.join(), 0);
      p2.kill();
      await p2.join();
      await assert.rejects(c2.recv(), { code: 'ERR_MP_END_OF_FILE' });`,
    );
  });

  test('within arguments count as arguments', async () => {
    await check(
      testCase,
      `const [here, there] = Pipe();
      const [other, away] = Pipe();
      const p = new Process({ target: t.answersNested, args: [{ list: [new Map([['end', there]])] }, away] });
      await p.start();
      there.close();
      away.close();
      await here.send('nested');
      assert.equal(await other.recv(), 'nested');
      here.close();
      assert.equal(await p.join(), 0);`,
    );
  });

  test('may both be given', async () => {
    await check(
      testCase,
      `const [here, there] = Pipe();
      const p = new Process({ target: t.talksToItself, args: [here, there] });
      await p.start();
      assert.equal(await p.join(), 0);`,
    );
  });
});

describeEach(
  'The ends of a pipe',
  (testCase) => {
    test('that functions capture are all there, while none was an argument', async () => {
      await check(
        testCase,
        `const [here, there] = Pipe();
        const p = new Process({ target: async () => {
          here.close();
          for await (const value of there) await there.send(value * 2);
        } });
        await p.start();
        there.close();
        await here.send(21);
        assert.equal(await here.recv(), 42);
        here.close();
        assert.equal(await p.join(), 0);`,
      );
    });

    test('are fields of a subclass like arguments', async () => {
      await check(
        testCase,
        `class Echo extends Process {
          constructor(end) { super(); this.end = end; }
          async run() { for await (const value of this.end) await this.end.send(value); }
        }
        const [here, there] = Pipe();
        const p = new Echo(there);
        await p.start();
        there.close();
        await here.send(1);
        assert.equal(await here.recv(), 1);
        here.close();
        assert.equal(await p.join(), 0);`,
      );
    });

    test('that go by arguments and were not given say so', async () => {
      await check(
        testCase,
        `const [here, there] = Pipe();
        const pending = here.recv();
        const p = new Process({ target: async (end) => {
          await assert.rejects(here.recv(), { code: 'ERR_MP_CLOSED', message: /not given this end/ });
          await end.send('fine');
        }, args: [there] });
        await p.start();
        assert.equal(await pending, 'fine');
        assert.equal(await p.join(), 0);`,
      );
    });

    test('reach the workers of a pool by initArgs', async () => {
      await check(
        testCase,
        `const [here, there] = Pipe();
        const p = new Process({ target: async (end) => { await end.send('from the process'); }, args: [there] });
        await p.start();
        assert.equal(await here.recv(), 'from the process');
        let given;
        const pool = new mp.Pool({ processes: 1, initializer: (end) => { given = end; }, initArgs: [there] });
        await pool.apply(() => given.send('from the worker'));
        assert.equal(await here.recv(), 'from the worker');
        await assert.rejects(pool.apply(() => here.recv()), { code: 'ERR_MP_CLOSED', message: /initArgs/ });
        pool.close();
        await pool.join();
        there.close();
        await assert.rejects(here.recv(), { code: 'ERR_MP_END_OF_FILE' });
        assert.equal(await p.join(), 0);`,
      );
    });

    test('are all kept by a child whose arguments are too many to search', async () => {
      await check(
        testCase,
        `const [here, there] = Pipe();
        const p = new Process({ target: async (many) => {
          here.close();
          await many[1_000_000].send(many.length);
        }, args: [[...Array(1_000_000).fill(0), there]] });
        await p.start();
        assert.equal(await here.recv(), 1_000_001);
        assert.equal(await p.join(), 0);`,
      );
    });

    test('are looked for without running any code of the user', async () => {
      await check(
        testCase,
        `const [here, there] = Pipe();
        const never = () => assert.fail('ran');
        const args = [{ get trap() { return never(); } }, new Proxy({}, { ownKeys: never, get: never }), there];
        const p = new Process({ target: t.echoOfThird, args });
        await p.start();
        there.close();
        await here.send(1);
        assert.equal(await here.recv(), 1);
        here.close();
        assert.equal(await p.join(), 0);`,
      );
    });
  },
  ({ method }) => method === 'fork',
);
