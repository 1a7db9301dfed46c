// What is got by whoever waited for it in its event loop: it is given on another way than what was there already.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach } from '../support/start-methods.js';

describeEach('An item that was waited for', (testCase) => {
  test('arrives as it was, alone or with others, short or not', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      const lengths = [0, 1, 100, ...range(24).map((i) => 4080 + i), 10_000];
      for (const [i, n] of lengths.entries()) {
        const items = ['t'.repeat(n), Buffer.alloc(n, i), { i, text: 'o'.repeat(n) }, i, 'last'];
        const waiting = [queue.get(), queue.getMany(2), queue.get(), queue.getMany(9)];
        await turn();
        await queue.putMany(items);
        const [one, two, three, four] = await Promise.all(waiting);
        const got = [one, ...two, three, ...four];
        while (got.length < items.length) got.push(await queue.get());
        assert.deepEqual(got, items, String(n));
        assert.equal(queue.qsize(), 0);
      }`,
    );
  });

  test('that takes others while it is being rebuilt leaves itself alone', async () => {
    await check(
      testCase,
      `class Nested { constructor(name) { this.name = name; } }
      const queue = new Queue(), others = new Queue(), log = [];
      mp.registerReducer(Nested, ({ name }) => ({ name, text: name.repeat(50) }), ({ name, text }) => {
        log.push(others.getNowait());
        assert.equal(text, name.repeat(50));
        return new Nested(name);
      }, 'nested');
      await others.putMany(range(6).map((i) => String(i).repeat(200)));
      const waiting = [queue.get(), queue.getMany(5)];
      await turn();
      await queue.putMany([[new Nested('a'), 'x', new Nested('b')], [new Nested('c'), 'y', new Nested('d')]]);
      const [first, [second]] = await Promise.all(waiting);
      assert.deepEqual([first[0].name, first[1], first[2].name], ['a', 'x', 'b']);
      assert.deepEqual([second[0].name, second[1], second[2].name], ['c', 'y', 'd']);
      assert.deepEqual(log, range(4).map((i) => String(i).repeat(200)));`,
    );
  });
});
