import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { automaticChunkSize, MapJob } from '../../../lib/pool/map-job.js';
import type { Items, MapOptions } from '../../../lib/pool/pool-options.js';
import { PendingResult } from '../../../lib/pool/results.js';
import { CallShape } from '../../../lib/pool/task.js';
import { inlineSet, poolFunctionOf } from './inline-workers.js';

function map<T, R>(
  fn: (item: T) => R,
  items: Items<T>,
  options: MapOptions = {},
  set = inlineSet(),
) {
  const result = new PendingResult<Awaited<R>[]>();
  const job = new MapJob(
    set,
    { fn: poolFunctionOf(fn), shape: CallShape.Map, options, workers: 2 },
    result,
  );
  void job.run(items);
  return { result, job, set };
}

test.each([
  [0, 4, 1],
  [1, 4, 1],
  [16, 4, 1],
  [17, 4, 2],
  [100, 4, 7],
  [10_000, 2, 1250],
])('%d items for %d workers are cut into tasks of %d, as in Python', (items, workers, size) => {
  expect(automaticChunkSize(items, workers)).toBe(size);
});

test.each([1, 3, 50, undefined])(
  'results stand in the places of their items (tasks of %s)',
  async (chunkSize) => {
    const items = Array.from({ length: 20 }, (_, n) => n);
    expect(await map((n: number) => n * 2, items, { chunkSize }).result.get()).toEqual(
      items.map((n) => n * 2),
    );
  },
);

test('an async source is read to its end first', async () => {
  async function* source() {
    await sleep(1);
    yield* [1, 2, 3];
  }
  expect(await map((n: number) => n + 1, source()).result.get()).toEqual([2, 3, 4]);
});

test('a text is a source of items', async () => {
  expect(await map((c: string) => c + c, 'abc').result.get()).toEqual(['aa', 'bb', 'cc']);
});

test('nothing gives an empty list at once', async () => {
  const { result, set } = map((n: number) => n, []);
  expect(await result.get()).toEqual([]);
  set.close();
  await set.join({});
});

test('the first error is told when everything is done', async () => {
  const done: number[] = [];
  const { result } = map(
    async (n: number) => {
      if (n === 0) throw new TypeError('zero');
      await sleep(10);
      done.push(n);
    },
    [0, 1, 2, 3],
    { chunkSize: 1 },
  );
  await expect(result.get()).rejects.toThrow('zero');
  expect(done.sort()).toEqual([1, 2, 3]);
});

test("a source's error fails the map", async () => {
  function* source() {
    yield 1;
    throw new Error('no more');
  }
  await expect(map((n: number) => n, source()).result.get()).rejects.toThrow('no more');
});

test('a closed pool waits for the source', async () => {
  async function* source() {
    yield 1;
    await sleep(10);
    yield 2;
  }
  const { result, set } = map((n: number) => n, source());
  set.close();
  await set.join({});
  expect(await result.get()).toEqual([1, 2]);
});

test('failing it leaves the source and drops what has not begun', async () => {
  let cleaned = (): void => undefined;
  const cleanup = new Promise<void>((resolve) => (cleaned = resolve));
  async function* source() {
    try {
      for (;;) {
        await sleep(1);
        yield 1;
      }
    } finally {
      cleaned();
    }
  }
  const { result, job, set } = map((n: number) => n, source());
  job.fail(new Error('enough'));
  await expect(result.get()).rejects.toThrow('enough');
  set.close();
  await set.join({});
  await cleanup;
});

describe('a source that gives nothing any more', () => {
  /** Its step ends only when it is left, and leaving it goes wrong. */
  function stuck() {
    const source = {
      left: 0,
      next: () => new Promise<IteratorResult<number>>(() => undefined),
      return: () => {
        source.left++;
        throw new Error('cannot be left');
      },
    };
    return { source, items: { [Symbol.asyncIterator]: () => source } };
  }

  test('does not hold up a closed pool when the map has failed, and is left at once', async () => {
    const { source, items } = stuck();
    const { result, job, set } = map((n: number) => n, items);
    set.close();
    job.fail(new Error('enough'));
    await set.join({});
    job.fail(new Error('again'));
    await expect(result.get()).rejects.toThrow('enough');
    expect(source.left).toBe(1);
  });

  test('nor a pool that is terminated', async () => {
    const { source, items } = stuck();
    const { result, set } = map((n: number) => n, items);
    set.terminate();
    await set.join({});
    await expect(result.get()).rejects.toMatchObject({ code: 'ERR_MP_CANCELLED' });
    expect(source.left).toBe(1);
  });
});

test('a source that has ended, or failed, is not left', async () => {
  for (const last of [{ done: true, value: 0 } as const, new Error('no more')]) {
    const leave = vi.fn();
    const next = () => (last instanceof Error ? Promise.reject(last) : Promise.resolve(last));
    const items = { [Symbol.asyncIterator]: () => ({ next, return: leave }) };
    const { result, job } = map((n: number) => n, items as AsyncIterable<number>);
    await result.wait();
    job.fail(new Error('late'));
    expect(leave).not.toHaveBeenCalled();
  }
});

test('progress counts items', async () => {
  const seen: unknown[] = [];
  await map((n: number) => n, [1, 2, 3, 4, 5], {
    chunkSize: 2,
    onProgress: (...args) => seen.push(args),
  }).result.get();
  expect(seen).toEqual([
    [{ done: 2, failed: 0, total: 5 }],
    [{ done: 4, failed: 0, total: 5 }],
    [{ done: 5, failed: 0, total: 5 }],
  ]);
});

test('progress counts the items of a chunk that failed', async () => {
  const seen: unknown[] = [];
  const { result } = map(
    (n: number) => {
      if (n === 2) throw new Error('two');
    },
    [1, 2, 3],
    { chunkSize: 2, onProgress: (progress) => seen.push(progress) },
  );
  await expect(result.get()).rejects.toThrow('two');
  expect(seen).toEqual([
    { done: 2, failed: 2, total: 3 },
    { done: 3, failed: 2, total: 3 },
  ]);
});

test('a limit for each task makes each item a task, unless a size is given', async () => {
  const sizes = async (options: MapOptions): Promise<number> => {
    let tasks = 0;
    const items = Array.from({ length: 20 }, (_, n) => n);
    await map((n: number) => n, items, { onProgress: () => tasks++, ...options }).result.get();
    return tasks;
  };
  expect(await sizes({})).toBe(7);
  expect(await sizes({ taskTimeout: 10_000 })).toBe(20);
  expect(await sizes({ taskTimeout: 10_000, chunkSize: 10 })).toBe(2);
});

test('its tasks are a batch, each map its own, but where their ends are watched', async () => {
  const batches = async (options: MapOptions): Promise<(number | undefined)[]> => {
    const set = inlineSet();
    const submit = vi.spyOn(set, 'submit');
    await map((n: number) => n, [1, 2], { chunkSize: 1, ...options }, set).result.get();
    return submit.mock.calls.flatMap(([tasks]) => tasks.map(({ flow }) => flow?.batch));
  };
  const [one, other] = await batches({});
  expect(one).toBeGreaterThan(0);
  expect(other).toBe(one);
  expect((await batches({ progress: false }))[0]).toBe((one ?? 0) + 1);
  expect(await batches({ onProgress: () => undefined })).toEqual([0, 0]);
  expect(await batches({ progress: 'shown' })).toEqual([0, 0]);
});
