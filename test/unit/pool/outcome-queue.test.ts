import { expect, test } from 'vitest';
import { OutcomeQueue } from '../../../lib/pool/outcome-queue.js';
import { succeeded, type Outcome } from '../../../lib/pool/task.js';

const many = (count: number): Outcome<object>[] =>
  Array.from({ length: count }, (_, i) => succeeded({ i }) as Outcome<object>);

test.each([true, false])(
  'what was taken is not kept for what is left (ordered: %s)',
  async (ordered) => {
    const collect = globalThis.gc;
    if (collect === undefined) throw new Error('this test needs --expose-gc');
    const queue = new OutcomeQueue<object>(ordered);
    queue.add(0, many(10));
    const taken = new WeakRef(queue.take()!);
    await new Promise(setImmediate);
    collect();
    expect(taken.deref()).toBeUndefined();
    expect(queue.size).toBe(9);
  },
);

test.each([true, false])(
  'gives all of them, whatever is added meanwhile (ordered: %s)',
  (ordered) => {
    const queue = new OutcomeQueue<object>(ordered);
    const given: unknown[] = [];
    const take = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const outcome = queue.take();
        given.push(outcome?.ok === true ? outcome.value : undefined);
      }
    };
    queue.add(0, many(3000));
    take(2000);
    queue.add(1, many(3000));
    expect(queue.size).toBe(4000);
    take(4000);
    expect(queue.take()).toBeUndefined();
    expect(queue.isEmpty).toBe(true);
    expect(given).toEqual([...many(3000), ...many(3000)].map((each) => each.ok && each.value));
  },
);
