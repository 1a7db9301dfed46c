/**
 * V8 keeps the waits of `Atomics.waitAsync` in a list of its own, which a forked child has too, timeouts included. No handle tells of
 * them, so what a program awaits is a promise of ours, which is settled only where the wait was begun, and in a twin.
 */
import { AfterForkOrder, resetAfterFork } from '../../base/after-fork.js';
import { log } from '../../base/log.js';

let generation = {};

resetAfterFork(AfterForkOrder.NodeState, (occasion) => {
  if (occasion === 'clean') generation = {};
});

type WaitAsync = (...args: unknown[]) => { async: boolean; value: unknown };

/** The same function. What it answers settles as before, but in no child of a Process. */
function withoutHeirs(waitAsync: WaitAsync): WaitAsync {
  return new Proxy(waitAsync, {
    apply(target, self, args: unknown[]) {
      const result = Reflect.apply(target, self, args);
      if (result.value instanceof Promise) result.value = settledHere(result.value);
      return result;
    },
  });
}

function settledHere(begun: Promise<unknown>): Promise<unknown> {
  const where = generation;
  return new Promise((resolve) => {
    void begun.then((value) => {
      if (where === generation) resolve(value);
    });
  });
}

try {
  const atomics = Atomics as unknown as { waitAsync?: WaitAsync };
  const { waitAsync } = atomics;
  if (process.platform === 'linux' && waitAsync !== undefined)
    Object.defineProperty(atomics, 'waitAsync', { value: withoutHeirs(waitAsync) });
} catch (error) {
  log('Atomics.waitAsync cannot be watched: %o', error);
}
