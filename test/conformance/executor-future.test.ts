// CPython's FutureTests (Lib/test/test_concurrent_futures/test_future.py), the original id in every title. No processes.
import { once } from 'node:events';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { CancelledError, StateError, TimeoutError } from '../../lib/errors.js';
import { Future } from '../../lib/pool/future.js';

const make = (prepare: (future: Future<number>) => unknown = () => undefined): Future<number> => {
  const future = new Future<number>();
  prepare(future);
  return future;
};
const pending = () => make();
const running = () => make((future) => future.setRunningOrNotifyCancel());
const cancelled = () => make((future) => future.cancel());
const dropped = () =>
  make((future) => {
    future.cancel();
    future.setRunningOrNotifyCancel();
  });
const failed = () => make((future) => future.setException(new RangeError('test')));
const succeeded = () => make((future) => future.setResult(42));
const all = () => [pending(), running(), cancelled(), dropped(), failed(), succeeded()];

const nextWarning = async (): Promise<Error> => {
  const [warning] = (await once(process, 'warning')) as [Error];
  return warning;
};

test('FutureTests.test_done_callback_with_result', async () => {
  const heard: unknown[] = [];
  const future = pending();
  future.addDoneCallback((of) => heard.push(of, of.result()));
  future.setResult(5);
  expect(heard[0]).toBe(future);
  expect(await heard[1]).toBe(5);
});

test('FutureTests.test_done_callback_with_exception', async () => {
  let heard: unknown;
  const future = pending();
  future.addDoneCallback((of) => {
    heard = of.exception();
  });
  future.setException(new Error('test'));
  expect(await heard).toMatchObject({ message: 'test' });
});

test('FutureTests.test_done_callback_with_cancel', () => {
  let wasCancelled: boolean | undefined;
  const future = pending();
  future.addDoneCallback((of) => {
    wasCancelled = of.cancelled();
  });
  expect(future.cancel()).toBe(true);
  expect(wasCancelled).toBe(true);
});

test('FutureTests.test_done_callback_raises', async () => {
  const warning = nextWarning();
  const heard: string[] = [];
  const future = pending();
  future.addDoneCallback(() => {
    heard.push('throws');
    throw new Error('doh!');
  });
  future.addDoneCallback(() => heard.push('goes on'));
  future.setResult(5);
  expect(heard).toEqual(['throws', 'goes on']);
  expect(await warning).toMatchObject({
    name: 'FutureCallbackWarning',
    message: expect.stringContaining('doh!'),
  });
});

test('FutureTests.test_done_callback_already_successful', async () => {
  let heard: unknown;
  succeeded().addDoneCallback((of) => {
    heard = of.result();
  });
  expect(await heard).toBe(42);
});

test('FutureTests.test_done_callback_already_failed', async () => {
  let heard: unknown;
  failed().addDoneCallback((of) => {
    heard = of.exception();
  });
  expect(await heard).toMatchObject({ message: 'test' });
});

test('FutureTests.test_done_callback_already_cancelled', () => {
  let wasCancelled: boolean | undefined;
  cancelled().addDoneCallback((of) => {
    wasCancelled = of.cancelled();
  });
  expect(wasCancelled).toBe(true);
});

test('FutureTests.test_done_callback_raises_already_succeeded', async () => {
  const warning = nextWarning();
  succeeded().addDoneCallback(() => {
    throw new Error('doh!');
  });
  expect((await warning).message).toMatch(/a future's callback threw: Error: doh!/);
});

test('FutureTests.test_repr (adapted: what inspect shows)', () => {
  expect(all().map((future) => inspect(future))).toEqual([
    'Future { pending }',
    'Future { running }',
    'Future { cancelled }',
    'Future { cancelled }',
    'Future { finished: RangeError }',
    'Future { finished: number }',
  ]);
});

test('FutureTests.test_cancel', () => {
  const futures = all();
  const expected = [true, false, true, true, false, false];
  expect(futures.map((future) => future.cancel())).toEqual(expected);
  expect(futures.map((future) => future.cancelled())).toEqual(expected);
  expect(futures[1]?.running()).toBe(true);
  expect(futures[4]?.done() === true && futures[5]?.done() === true).toBe(true);
});

test('FutureTests.test_cancelled', () => {
  const expected = [false, false, true, true, false, false];
  expect(all().map((future) => future.cancelled())).toEqual(expected);
});

test('FutureTests.test_done', () => {
  expect(all().map((future) => future.done())).toEqual([false, false, true, true, true, true]);
});

test('FutureTests.test_running', () => {
  const expected = [false, true, false, false, false, false];
  expect(all().map((future) => future.running())).toEqual(expected);
});

test('FutureTests.test_result_with_timeout', async () => {
  for (const future of [pending(), running()])
    await expect(future.result({ timeout: 0 })).rejects.toThrow(TimeoutError);
  for (const future of [cancelled(), dropped()])
    await expect(future.result({ timeout: 0 })).rejects.toThrow(CancelledError);
  await expect(failed().result({ timeout: 0 })).rejects.toThrow(RangeError);
  expect(await succeeded().result({ timeout: 0 })).toBe(42);
});

test('FutureTests.test_result_with_success', async () => {
  const future = pending();
  const result = future.result({ timeout: 20_000 });
  setImmediate(() => future.setResult(42));
  expect(await result).toBe(42);
});

test('FutureTests.test_result_with_cancel', async () => {
  const future = pending();
  const result = future.result({ timeout: 20_000 });
  setImmediate(() => future.cancel());
  await expect(result).rejects.toThrow(CancelledError);
});

test('FutureTests.test_exception_with_timeout', async () => {
  for (const future of [pending(), running()])
    await expect(future.exception({ timeout: 0 })).rejects.toThrow(TimeoutError);
  for (const future of [cancelled(), dropped()])
    await expect(future.exception({ timeout: 0 })).rejects.toThrow(CancelledError);
  expect(await failed().exception({ timeout: 0 })).toBeInstanceOf(RangeError);
  expect(await succeeded().exception({ timeout: 0 })).toBe(null);
});

test('FutureTests.test_exception_with_success', async () => {
  const future = pending();
  const exception = future.exception({ timeout: 20_000 });
  setImmediate(() => future.setException(new RangeError('later')));
  expect(await exception).toBeInstanceOf(RangeError);
});

test('FutureTests.test_multiple_set_result', async () => {
  const future = pending();
  future.setResult(1);
  const again = () => future.setResult(2);
  expect(again).toThrow(StateError);
  expect(again).toThrow('cannot settle a future that is finished: number');
  expect(future.done()).toBe(true);
  expect(await future).toBe(1);
});

test('FutureTests.test_multiple_set_exception', async () => {
  const future = pending();
  const error = new RangeError('first');
  future.setException(error);
  const again = () => future.setException(new Error('second'));
  expect(again).toThrow(StateError);
  expect(again).toThrow('cannot settle a future that is finished: RangeError');
  expect(await future.exception()).toBe(error);
});
