import { expect, test } from 'vitest';
import { program } from '../fixtures/pool/program.js';
import { describeEach } from '../support/start-methods.js';

const timedOut = (message: string): object => ({
  error: { kind: 'TimeoutError', code: 'ERR_MP_TIMEOUT', message },
});

describeEach('the control of tasks', (testCase) => {
  const report = program(testCase, 'control');

  test('a task that listens is told why, its caller at once, and its worker lives on', async () => {
    const all = await report();
    expect(all.timeout).toMatchObject(timedOut('the task act had no result within 1000 ms'));
    expect(all.timeoutSeen).toEqual({
      name: 'TimeoutError',
      code: 'ERR_MP_TIMEOUT',
      message: 'the task act had no result within 1000 ms',
    });
    expect(all.sameReason).toBe(true);
    expect(all.reasonSeen).toEqual({ name: 'RangeError', message: 'enough' });
    expect(all.overran).toMatchObject(timedOut('the task act ran longer than 50 ms'));
    expect(all.overranSeen).toMatchObject({ message: expect.stringMatching(/ran longer/) });
    expect(all.begun).toBe(2);
    expect(all.inTime).toBe(5);
    expect(all.stillFirst).toBe(true);
  });

  test('so are the tasks of a map and of an iteration', async () => {
    const { map, mapSeen, imap, imapSeen } = await report();
    expect(map.error.message).toBe('no map');
    expect(mapSeen.message).toBe('no map');
    expect(imap).toMatchObject([{ error: { message: 'no more' } }, { value: { done: true } }]);
    expect(imapSeen.message).toBe('no more');
  });

  test('currentTask() says which one it is, and is null where there is none', async () => {
    const { which, here } = await report();
    expect(which).toEqual({ id: expect.any(Number), name: 'act', aborted: false });
    expect(here).toBeNull();
  });

  test('a task that does not listen is killed with its worker, and nothing else is', async () => {
    const all = await report();
    expect(all.blocking).toMatchObject(timedOut('the task block had no result within 50 ms'));
    expect(all.blockingRun).toMatchObject(timedOut('the task block ran longer than 50 ms'));
    expect(all.never).toMatchObject(timedOut('the task never ran longer than 50 ms'));
    expect(all.neighbour).toBe('neighbour');
    expect(all.mapOverran).toMatchObject(timedOut('the task sleepFor ran longer than 1000 ms'));
    expect(all.imapOverran).toMatchObject([
      { value: { value: 1 } },
      timedOut('the task sleepFor ran longer than 1000 ms'),
      { value: { value: 2 } },
      { value: { value: 3 } },
    ]);
    // The last two may still have their grace time.
    expect(all.strictStats.restarted).toBeGreaterThanOrEqual(3);
  });

  test('a higher priority goes first, equals in order', async () => {
    const { order, orderOfShort } = await report();
    expect(order).toEqual(['running', 'high', 'normal', 'normal too', 'low']);
    expect(orderOfShort).toEqual(['first', 'higher', 'high', 'low', 'low too']);
  });

  test('calls behind one that does not end go to another worker, although that one is never idle', async () => {
    const { behind } = await report();
    expect(behind).toMatchObject({ stuck: 'CancelledError', many: 'CancelledError' });
    expect(behind.completed).toBeLessThan(150_000);
  });

  test('a call goes between the tasks of a long map', async () => {
    expect((await report()).betweenOf40).toBeLessThan(5);
  });

  test('without room a call is refused at once, a map rejects, an iteration waits', async () => {
    const all = await report();
    const full = (count: number): object => ({
      error: {
        kind: 'QueueFullError',
        code: 'ERR_MP_QUEUE_FULL',
        message: expect.stringMatching(`the pool has no room for ${count} more`),
      },
    });
    expect(all.full).toMatchObject(full(1));
    expect(all.fullMap).toMatchObject(full(1));
    expect(all.imapFits).toEqual([0, 2, 4, 6, 8]);
    expect(all.roomAgain).toBe(6);
    expect(all.tookAll).toEqual(['busy', [2, 4]]);
    expect(all.producers).toEqual({ value: Array.from({ length: 100 }, (_, n) => 2 * n) });
    expect(all.tooLarge).toMatchObject(full(9));
    expect(all.readyClosed.error.kind).toBe('StateError');
  });

  test('a task is run again after the death of its worker, as often as was said', async () => {
    const all = await report();
    expect(all.retried).toEqual({ value: 1 });
    for (const died of [all.retriedOften, all.notRetried])
      expect(died).toMatchObject({ error: { kind: 'WorkerDiedError', signalCode: 'SIGKILL' } });
    expect(all.ownError).toMatchObject({ error: { kind: 'RangeError', message: 'no 3' } });
    expect(all.retryStats).toBe(2);
  });

  test('wrong options are told at the call, by their names', async () => {
    const { wrong } = await report();
    const told = Object.fromEntries(
      Object.entries(wrong as Record<string, { kind: string; message: string }>).map(
        ([name, { kind, message }]) => [name, `${kind} ${message.split(' ')[0]}`],
      ),
    );
    expect(told).toEqual({
      taskTimeout: 'RangeError options.taskTimeout',
      taskTimeoutText: 'TypeError options.taskTimeout',
      signal: 'TypeError options.signal',
      priority: 'RangeError options.priority',
      priorityText: 'TypeError options.priority',
      retry: 'RangeError options.retry',
      retryInfinite: 'RangeError options.retry',
      onReport: 'TypeError options.onReport',
      onProgress: 'TypeError options.onProgress',
      progress: 'TypeError options.progress',
      maxQueue: 'RangeError maxQueue',
      maxQueueNaN: 'RangeError maxQueue',
      killGrace: 'RangeError killGrace',
      killGraceText: 'TypeError killGrace',
      maxMemory: 'RangeError maxMemoryPerChild',
      maxMemoryText: 'TypeError maxMemoryPerChild',
    });
  });
});
