import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { CancelledError, StateError, TimeoutError } from '../../../lib/errors.js';
import { PoolIterator } from '../../../lib/pool/pool-iterator.js';
import type { ImapOptions, Items } from '../../../lib/pool/pool-options.js';
import type { Progress } from '../../../lib/pool/progress.js';
import type { WorkerSet } from '../../../lib/pool/worker-set.js';
import { inlineSet, poolFunctionOf } from './inline-workers.js';

type Run = { set?: WorkerSet; ordered?: boolean; options?: ImapOptions };

function imap<T, R>(
  fn: (item: T) => R,
  items: Items<T>,
  { set = inlineSet(), ordered = true, options = {} }: Run = {},
) {
  const request = { fn: poolFunctionOf(fn), ordered, options, workers: 2 };
  return new PoolIterator<T, Awaited<R>>(set, request, items);
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

function* upTo(count: number, seen: number[] = []): Generator<number, void, void> {
  for (let i = 0; i < count; i++) {
    seen.push(i);
    yield i;
  }
}

const slowFirst = async (n: number): Promise<number> => {
  await sleep(n === 0 ? 20 : 1);
  return n;
};

describe('results', () => {
  test.each([1, 3, 100])('come in order, in tasks of %d', async (chunkSize) => {
    expect(await collect(imap((n: number) => n * n, upTo(10), { options: { chunkSize } }))).toEqual(
      [...upTo(10)].map((n) => n * n),
    );
  });

  test('come as they are done, unordered', async () => {
    let release: ((n: number) => void) | undefined;
    const untilThen = new Promise<number>((resolve) => {
      release = resolve;
    });
    const results: number[] = [];
    const items = imap((n: number) => (n === 0 ? untilThen : n), upTo(6), { ordered: false });
    for await (const n of items) {
      results.push(n);
      release?.(0);
    }
    expect(results[0]).not.toBe(0);
    expect([...results].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('of nothing are nothing', async () => {
    expect(await collect(imap((n: number) => n, []))).toEqual([]);
  });

  test('answer several calls of next() in turn', async () => {
    const it = imap(slowFirst, upTo(3));
    expect(await Promise.all([it.next(), it.next(), it.next(), it.next()])).toEqual([
      { done: false, value: 0 },
      { done: false, value: 1 },
      { done: false, value: 2 },
      { done: true, value: undefined },
    ]);
  });

  test('take items from an async source', async () => {
    async function* source() {
      for (const n of upTo(5)) {
        await sleep(1);
        yield n;
      }
    }
    expect(await collect(imap((n: number) => -n, source(), { options: { chunkSize: 2 } }))).toEqual(
      [-0, -1, -2, -3, -4],
    );
  });

  test('report progress with the total where it is known', async () => {
    const seen: unknown[] = [];
    const onProgress = (progress: Progress): void => void seen.push(Object.values(progress));
    await collect(imap((n: number) => n, [1, 2], { options: { onProgress } }));
    await collect(imap((n: number) => n, upTo(1), { options: { onProgress } }));
    expect(seen).toEqual([
      [1, 0, 2],
      [2, 0, 2],
      [1, 0, undefined],
    ]);
  });

  test.each([
    { ordered: true, chunkSize: 1 },
    { ordered: true, chunkSize: 4 },
    { ordered: false, chunkSize: 1 },
    { ordered: false, chunkSize: 4 },
  ])('count those that failed, one by one: %o', async ({ ordered, chunkSize }) => {
    const seen: number[] = [];
    const onProgress = ({ failed }: Progress): void => void seen.push(failed);
    const failAtOdd = (n: number): number => {
      if (n % 2 === 1) throw new RangeError('odd');
      return n;
    };
    const it = imap(failAtOdd, upTo(6), { ordered, options: { chunkSize, onProgress } });
    for (let i = 0; i < 6; i++) await it.next().catch(() => undefined);
    expect(seen).toEqual(chunkSize === 1 ? [0, 1, 1, 2, 2, 3] : [2, 3]);
  });
});

describe('reading', () => {
  test.each([1, 4, 7])('stays within a buffer of %d', async (buffer) => {
    const seen: number[] = [];
    const it = imap((n: number) => n, upTo(100, seen), { options: { buffer, chunkSize: 3 } });
    await nextTurn();
    expect(seen).toHaveLength(buffer);
    let given = 0;
    for await (const _ of it) {
      given++;
      expect(seen.length).toBeLessThanOrEqual(given + buffer);
    }
    expect(given).toBe(100);
  });

  test('stops at an early end, and the source cleans up', async () => {
    const seen: number[] = [];
    let cleaned = false;
    function* source() {
      try {
        yield* upTo(1000, seen);
      } finally {
        cleaned = true;
      }
    }
    const set = inlineSet();
    for await (const n of imap((n: number) => n, source(), { set })) if (n === 3) break;
    expect(cleaned).toBe(true);
    expect(seen.length).toBeLessThan(20);
    expect(set.hasWork).toBe(false);
  });

  test('an early end does not wait for a source that gives nothing more', async () => {
    async function* source() {
      yield 1;
      await new Promise(() => undefined);
    }
    for await (const _ of imap((n: number) => n, source())) break;
  });
});

describe('errors', () => {
  const failAt3 = (n: number): number => {
    if (n === 3) throw new RangeError('three');
    return n;
  };

  test.each([1, 4])(
    'reject their own next(), and the iteration may go on (tasks of %d)',
    async (chunkSize) => {
      const it = imap(failAt3, upTo(6), { options: { chunkSize } });
      const seen: unknown[] = [];
      for (let i = 0; i < 7; i++) {
        seen.push(
          await it.next().then(
            ({ value }) => value,
            (error: Error) => error.message,
          ),
        );
      }
      expect(seen).toEqual([0, 1, 2, 'three', 4, 5, undefined]);
    },
  );

  test('a loop that an error has ended does not hold a closed pool', async () => {
    const set = inlineSet();
    const run = async (): Promise<void> => {
      for await (const _ of imap(failAt3, upTo(1000), { set }));
    };
    await expect(run()).rejects.toThrow('three');
    set.close();
    expect(await set.join({ timeout: 2000 })).toBe(true);
  });

  test('who comes back too late to a closed pool is told so', async () => {
    const set = inlineSet();
    const it = imap(failAt3, upTo(1000), { set });
    for (let i = 0; i < 3; i++) await it.next();
    await expect(it.next()).rejects.toThrow('three');
    set.close();
    await set.join({});
    await expect(it.next()).rejects.toThrow(StateError);
    expect(await it.next()).toEqual({ done: true, value: undefined });
  });

  test("the source's error comes in its place", async () => {
    function* source() {
      yield* upTo(3);
      throw new Error('no more');
    }
    const it = imap((n: number) => n, source());
    for (let i = 0; i < 3; i++) expect((await it.next()).value).toBe(i);
    await expect(it.next()).rejects.toThrow('no more');
    expect(await it.next()).toEqual({ done: true, value: undefined });
  });

  test('a timeout bounds each next(); the item comes to the next call', async () => {
    const it = imap(async (n: number) => (await sleep(40), n), [1, 2], { options: { timeout: 5 } });
    await expect(it.next()).rejects.toThrow(TimeoutError);
    await sleep(60);
    expect(await it.next()).toEqual({ done: false, value: 1 });
  });

  test('a signal ends it with its reason', async () => {
    const abort = new AbortController();
    const set = inlineSet();
    const it = imap(async (n: number) => (await sleep(1000), n), upTo(50), {
      set,
      options: { signal: abort.signal },
    });
    const first = it.next();
    abort.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    expect(await it.next()).toEqual({ done: true, value: undefined });
    expect(set.hasWork).toBe(false);
  });
});

describe('the end of the pool', () => {
  test('close() lets an iteration come to its end', async () => {
    const set = inlineSet();
    const it = imap((n: number) => n, upTo(100), { set });
    set.close();
    expect(await collect(it)).toHaveLength(100);
    await set.join({});
  });

  test('terminate() fails the next who asks, once', async () => {
    const set = inlineSet();
    const it = imap(() => sleep(1000), upTo(100), { set });
    const waiting = [it.next(), it.next()];
    set.terminate();
    await expect(waiting[0]).rejects.toThrow(CancelledError);
    expect(await waiting[1]).toEqual({ done: true, value: undefined });
    await set.join({});
  });

  test('join() has an iteration of which nobody takes anything read to its end', async () => {
    const set = inlineSet();
    const seen: number[] = [];
    const it = imap((n: number) => n, upTo(100, seen), { set });
    await it.next();
    set.close();
    expect(seen.length).toBeLessThan(100);
    expect(await set.join({ timeout: 5000 })).toBe(true);
    expect(seen).toHaveLength(100);
    expect(await collect(it)).toHaveLength(99);
  });

  test.each([true, false])(
    'does not wait for one that its timeout has ended (ordered: %s)',
    async (ordered) => {
      const set = inlineSet();
      const run = async (): Promise<void> => {
        const items = imap(async (n: number) => (await sleep(30), n), upTo(1000), {
          set,
          ordered,
          options: { timeout: 1 },
        });
        for await (const _ of items);
      };
      await expect(run()).rejects.toThrow(TimeoutError);
      set.close();
      expect(await set.join({ timeout: 5000 })).toBe(true);
    },
  );

  test.each(['signal', 'terminate'])('has the source clean up (%s)', async (how) => {
    const abort = new AbortController();
    const set = inlineSet();
    let cleaned = 0;
    function* source() {
      try {
        yield* upTo(1000);
      } finally {
        cleaned++;
      }
    }
    const it = imap(() => sleep(1000), source(), { set, options: { signal: abort.signal } });
    const first = it.next();
    if (how === 'signal') abort.abort();
    else set.terminate();
    await expect(first).rejects.toThrow();
    expect(cleaned).toBe(1);
  });
});

describe('items', () => {
  test('may be a text', async () => {
    expect(await collect(imap((c: string) => c + c, 'abc'))).toEqual(['aa', 'bb', 'cc']);
  });

  test('are not read where the signal had spoken before', async () => {
    const seen: number[] = [];
    const it = imap((n: number) => n, upTo(10, seen), {
      options: { signal: AbortSignal.abort(new Error('before')) },
    });
    await expect(it.next()).rejects.toThrow('before');
    expect(seen).toEqual([]);
  });

  test.each([true, false])('may come in tasks of any size (ordered: %s)', async (ordered) => {
    const items = new Float64Array(300_000).fill(2);
    const it = imap(Math.sqrt, items, { ordered, options: { chunkSize: 150_000 } });
    let count = 0;
    for await (const root of it) count += root === Math.SQRT2 ? 1 : 0;
    expect(count).toBe(300_000);
  });

  test('an iterator that is none is named', async () => {
    expect(() => imap(Math.abs, { [Symbol.iterator]: () => ({}) } as never)).toThrow(
      /iterator of `items` has no method next/,
    );
    for (const key of [Symbol.iterator, Symbol.asyncIterator]) {
      const it = imap(Math.abs, { [key]: () => ({ next: () => undefined }) } as never);
      await expect(it.next()).rejects.toThrow(/gave no { done, value }/);
    }
    const later = { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(1) }) };
    await expect(imap(Math.abs, later as never).next()).rejects.toThrow(/gave no { done, value }/);
  });
});
