import { test } from 'vitest';
import { program } from '../fixtures/executor/programs.js';
import { describeEach, when } from '../support/start-methods.js';

describeEach('an executor', (testCase) => {
  const check = program(testCase, 'feature');

  test('runs a call in a worker, and its future can be awaited', () => check('awaits'));
  test('a future can be cancelled until a worker has it', () => check('cancel'));
  test('so can one that is in a line behind another one', () => check('cancel ahead'));
  test('the wait for a result has a timeout and a signal', () => check('waits for a result'));
  test('asCompleted gives futures as they are done', () => check('as completed'));
  test('done callbacks are called once, with the future, and harm nobody', () =>
    check('callbacks'));
  test('a map that is left, aborted or late cancels what has not begun', () =>
    check('map cancels'));
  test('a map with a buffer reads on with its consumer, until the executor is shut down', () =>
    check('map reads on'));
  test('what an iterable throws takes its place, and all iterables are closed', () =>
    check('map and its sources'));
  test('shutdown() refuses more work at once, and resolves when all is done', () =>
    check('shutdown'));
  test('shutdown() in a done callback', () => check('shutdown from a callback'));
  test('a context binds it to a start method, and nothing of it travels', () => check('context'));
  test('wrong arguments are refused at the call', () => check('wrong'));
  test('wrong arguments of waitFutures and asCompleted', () => check('wrong waits'));
});

describeEach('attacks on an executor', (testCase) => {
  const check = program(testCase, 'attacks');

  test('random kills: every future settles exactly once', () => check('random kills'));
  test('cancels at random, and deaths: what was cancelled has never begun', () =>
    check('random cancels'));
  test('a death in a map fails its own chunk', () => check('deaths in a map'));
  test('work that never ends is ended by force, also during shutdown()', () =>
    check('work that never ends'));
  test('killWorkers() after terminateWorkers()', () => check('a firmer end'));
  test('10,000 tiny tasks', () => check('ten thousand tasks'));
  test('submit() in a done callback, again and again', () =>
    check('endless submissions from callbacks'));
  when(testCase.method === 'fork')('a forked child has to make its own', () =>
    check('a forked child'),
  );
  when(testCase.method === 'fork')('an initializer that ends its worker breaks the executor', () =>
    check('workers that end in their initializer'),
  );
});
