// What CPython's tests do not ask of futures, waitFutures and asCompleted.
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { CancelledError, StateError, TimeoutError } from '../../../lib/errors.js';
import { asCompleted } from '../../../lib/pool/as-completed.js';
import { Future } from '../../../lib/pool/future.js';
import { failed, succeeded } from '../../../lib/pool/task.js';
import { waitFutures } from '../../../lib/pool/wait-futures.js';

const futures = (count: number): Future<number>[] =>
  Array.from({ length: count }, () => new Future<number>());

test('a failure that nobody asks for stays quiet', async () => {
  new Future().setException(new Error('unheard'));
  new Future().cancel();
  await new Promise((resolve) => setImmediate(resolve));
});

test('can be awaited, also by Promise.all, and passed through then()', async () => {
  const [one, two] = futures(2) as [Future<number>, Future<number>];
  const both = Promise.all([one, two]);
  one.setResult(1);
  two.setResult(2);
  expect(await both).toEqual([1, 2]);
  expect(await one.then((n) => n + 1)).toBe(2);
  const bad = new Future();
  bad.setException('why');
  expect(await bad.then(undefined, (error: unknown) => error)).toBe('why');
});

test('setRunningOrNotifyCancel: once, and false after a cancel', () => {
  const [runs, dropped] = futures(2) as [Future<number>, Future<number>];
  expect(runs.setRunningOrNotifyCancel()).toBe(true);
  expect(() => runs.setRunningOrNotifyCancel()).toThrow(StateError);
  dropped.cancel();
  expect(dropped.setRunningOrNotifyCancel()).toBe(false);
  expect(() => dropped.setRunningOrNotifyCancel()).toThrow(
    'cannot begin a future that is cancelled',
  );
  expect(() => dropped.setResult(1)).toThrow(StateError);
});

test('a callback that rejects becomes a warning', async () => {
  const warned = once(process, 'warning');
  const future = new Future();
  future.addDoneCallback(() => Promise.reject(new Error('later')));
  future.setResult(1);
  expect(((await warned) as [Error])[0].name).toBe('FutureCallbackWarning');
});

test('the owner is told of a cancel before the callbacks are, once', () => {
  const said: string[] = [];
  const future = Future.of({
    check: () => undefined,
    withdraw: () => {
      said.push('withdraw');
      return true;
    },
    drop: () => {
      said.push('drop');
      future.settle(failed(new Error('dropped')));
    },
  });
  future.addDoneCallback(() => said.push(future.settled ? 'settled' : 'open'));
  expect(future.cancel()).toBe(true);
  expect(future.cancel()).toBe(true);
  expect(said).toEqual(['withdraw', 'drop', 'settled']);
});

test('what somebody has begun unheard of cannot be cancelled, and is running', () => {
  const future = Future.of({
    check: () => undefined,
    withdraw: () => false,
    drop: () => {
      throw new Error('dropped');
    },
  });
  expect(future.cancel()).toBe(false);
  expect([future.running(), future.cancelled(), future.done()]).toEqual([true, false, false]);
  future.settle(succeeded(1));
  expect(future.done()).toBe(true);
});

test('what its worker has not come to after all can be cancelled again', () => {
  const future = Future.of({
    check: () => undefined,
    withdraw: () => true,
    drop: () => undefined,
  });
  future.begin();
  expect(future.cancel()).toBe(false);
  future.unbegin();
  expect(future.running()).toBe(false);
  expect(future.cancel()).toBe(true);
  future.unbegin();
  expect(future.cancelled()).toBe(true);
});

test('what its owner says after it was settled by hand is dropped', async () => {
  const owner = { check: () => undefined, withdraw: () => true, drop: () => undefined };
  const future = Future.of<number>(owner);
  future.begin();
  future.begin();
  expect(future.running()).toBe(true);
  future.setResult(1);
  future.begin();
  future.settle(succeeded(2));
  expect(await future).toBe(1);
});

test('waitFutures leaves nothing at the futures, and nobody keeps a timer', async () => {
  const all = futures(3);
  expect((await waitFutures(all, { timeout: 1 })).notDone.size).toBe(3);
  const waiting = waitFutures(all, { returnWhen: 'FIRST_COMPLETED', timeout: 60_000 });
  all[1]?.setResult(1);
  expect((await waiting).done).toEqual(new Set([all[1]]));
  expect(await waitFutures([])).toEqual({ done: new Set(), notDone: new Set() });
});

test('waitFutures: an error does not end the wait for all, a cancel is no error', async () => {
  const all = futures(3);
  const waiting = waitFutures(all, { returnWhen: 'FIRST_EXCEPTION' });
  all[0]?.cancel();
  all[0]?.setRunningOrNotifyCancel();
  all[1]?.setResult(1);
  all[2]?.setException(new Error('no'));
  expect((await waiting).notDone.size).toBe(0);
});

test('waitFutures ends by its signal', async () => {
  const controller = new AbortController();
  const waiting = waitFutures(futures(1), { signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  await expect(waitFutures([], { signal: controller.signal })).rejects.toThrow('enough');
});

test('asCompleted answers several calls of next() at once, and then ends', async () => {
  const all = futures(2) as [Future<number>, Future<number>];
  const iterator = asCompleted(all);
  const steps = [iterator.next(), iterator.next(), iterator.next()];
  all[1].setResult(1);
  all[0].cancel();
  all[0].setRunningOrNotifyCancel();
  const [first, second, third] = await Promise.all(steps);
  expect(first?.value).toBe(all[1]);
  expect(second?.value).toBe(all[0]);
  expect(third?.done).toBe(true);
});

test('asCompleted is over after its timeout, its signal, and return()', async () => {
  const late = asCompleted(futures(1), { timeout: 1 });
  const [error, other] = await Promise.allSettled([late.next(), late.next()]);
  expect(error).toMatchObject({ reason: expect.any(TimeoutError) });
  expect(other?.status === 'rejected' || other?.value.done === true).toBe(true);
  expect((await late.next()).done).toBe(true);

  const controller = new AbortController();
  const aborted = asCompleted(futures(1), { signal: controller.signal });
  const waits = aborted.next();
  controller.abort(new Error('enough'));
  await expect(waits).rejects.toThrow('enough');
  expect((await aborted.next()).done).toBe(true);
  await expect(asCompleted([], { signal: controller.signal }).next()).rejects.toThrow('enough');

  const left = asCompleted(futures(1));
  const asked = left.next();
  await left.return?.();
  expect((await asked).done).toBe(true);
});

test('result() and exception() of a cancelled one, waiting and not', async () => {
  const future = new Future();
  const waiting = [future.result(), future.exception()];
  future.cancel();
  for (const one of [...waiting, future.result(), future.exception()])
    await expect(one).rejects.toThrow(CancelledError);
});
