import { once } from 'node:events';
import { expect, test } from 'vitest';
import { StateError, TimeoutError } from '../../../lib/errors.js';
import { PendingResult } from '../../../lib/pool/results.js';
import { failed, succeeded } from '../../../lib/pool/task.js';

test('gives its value to everybody who asks, before and after', async () => {
  const result = new PendingResult<number>();
  const early = [result.get(), result.then((n) => n + 1), result.wait()];
  expect(result.ready()).toBe(false);
  expect(() => result.successful()).toThrow(StateError);
  result.settle(succeeded(1));
  result.settle(succeeded(2));
  expect(await Promise.all(early)).toEqual([1, 2, undefined]);
  expect(await result).toBe(1);
  expect(result.successful()).toBe(true);
});

test('a failure that nobody asks for stays quiet', async () => {
  const result = new PendingResult();
  result.settle(failed(new Error('unheard')));
  await new Promise((resolve) => setImmediate(resolve));
  expect(result.successful()).toBe(false);
  await result.wait();
  await expect(result.get()).rejects.toThrow('unheard');
});

test('get() runs out of time with an error, wait() without, and the result still comes', async () => {
  const result = new PendingResult<number>();
  await expect(result.get({ timeout: 5 })).rejects.toThrow(TimeoutError);
  await result.wait({ timeout: 5 });
  await expect(result.get({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
    'enough',
  );
  await expect(result.get({ timeout: -1 })).rejects.toThrow(RangeError);
  result.settle(succeeded(3));
  expect(await result.get({ timeout: 0 })).toBe(3);
});

test('callbacks hear of it before those who await it', async () => {
  const heard: unknown[] = [];
  const good = new PendingResult<number>({
    callback: (n) => heard.push(n),
    errorCallback: () => heard.push('no'),
  });
  const bad = new PendingResult<number>({
    callback: () => heard.push('no'),
    errorCallback: (error) => heard.push(error),
  });
  const awaited = good.get().then(() => heard.push('awaited'));
  good.settle(succeeded(1));
  bad.settle(failed('why'));
  await awaited;
  expect(heard).toEqual([1, 'why', 'awaited']);
});

test.each([
  [
    'throws',
    () => {
      throw new Error('mine');
    },
  ],
  [
    'throws what String() does not take',
    () => {
      throw Object.assign(Object.create(null), { whose: 'mine' });
    },
  ],
  ['rejects', (): void => Promise.reject(new Error('mine')) as unknown as void],
])('a callback that %s becomes a warning and nothing else', async (_, callback) => {
  const warned = once(process, 'warning');
  const result = new PendingResult<number>({ callback });
  result.settle(succeeded(1));
  expect(await result.get()).toBe(1);
  const [warning] = (await warned) as [Error];
  expect(warning.name).toBe('PoolCallbackWarning');
  expect(warning.message).toMatch(/mine/);
});
