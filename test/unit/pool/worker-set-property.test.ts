import { describe, expect, test } from 'vitest';
import { WorkerDiedError } from '../../../lib/errors.js';
import { failed, succeeded, type Task } from '../../../lib/pool/task.js';
import { makeSet, useOwnTime } from './fake-set.js';
import { KILLED, poolFunction, turn, watchedTask, type FakeWorker } from './fake-workers.js';

const clock = useOwnTime();

/** A small generator of its own, so that a failing seed can be run again. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** No task waits, in the queue or behind another one that has begun, while a worker that could run it has nothing to do. */
function expectNobodyWaits(
  workers: readonly FakeWorker[],
  waiting: readonly Task[],
  seed: number,
): void {
  const idle = workers.filter(
    ({ isReady, stopped, running, inbox }) =>
      isReady && !stopped && running === undefined && inbox.length === 0,
  );
  const behind = workers.flatMap(({ running, inbox }) => (running === undefined ? [] : inbox));
  for (const { horizon } of idle)
    expect(
      [...behind, ...waiting].filter(({ fn }) => fn.id <= horizon),
      `seed ${seed}`,
    ).toEqual([]);
}

describe('whatever happens', () => {
  test.each([0, 25, 50, 75, 100, 125, 150, 175])(
    'every task settles exactly once (seeds from %d)',
    async (first) => {
      for (let seed = first; seed < first + 25; seed++) await live(seed);
    },
  );

  async function live(seed: number): Promise<void> {
    const random = randomFrom(seed + 1);
    const pick = <T>(items: readonly T[]): T | undefined =>
      items[Math.floor(random() * items.length)];
    const size = 1 + Math.floor(random() * 3);
    const { factory, set } = makeSet(
      size,
      random() < 0.3 ? { maxTasksPerChild: 1 + Math.floor(random() * 3) } : { killGrace: 0 },
    );
    factory.givesBack = random() < 0.5;
    const flow = { turn: 0 };
    const functions = [poolFunction({ short: true }), poolFunction()];
    const tasks: ReturnType<typeof watchedTask>[] = [];
    const died = new Set<number>();
    const retries = new Map<number, number>();
    const delayed: (() => void)[] = [];
    const submit = (): void => {
      const control = { priority: Math.floor(random() * 3), retry: Math.floor(random() * 2) };
      const watched = watchedTask(pick(functions)!, {
        control,
        ...(random() < 0.5 ? { flow } : {}),
      });
      retries.set(watched.task.id, control.retry);
      const sending = random();
      if (sending < 0.1) factory.unsendable.add(watched.task);
      else if (sending < 0.2) delayed.push(factory.delay(watched.task));
      tasks.push(watched);
      set.submit([watched.task]);
    };
    const step = async (): Promise<void> => {
      clock.now += random() * 10;
      if (random() < 0.1) delayed.shift()?.();
      const worker = pick([...factory.alive]);
      const dice = random();
      if (dice < 0.25 && tasks.length < 60) submit();
      else if (dice < 0.28) {
        const task = pick(tasks)?.task;
        if (task !== undefined) set[random() < 0.5 ? 'cancel' : 'abort'](task, 'cancelled');
      } else if (dice < 0.3) functions.push(poolFunction({ short: random() < 0.5 }));
      else if (worker?.pid === undefined) await turn();
      else if (!worker.isReady) worker.ready(random() < 0.5 ? Infinity : functions.at(-1)!.id);
      else if (dice < 0.37) {
        if (worker.running !== undefined) died.add(worker.running.id);
        worker.die(KILLED);
      } else if (worker.running !== undefined)
        worker.finish(
          random() < 0.9 ? succeeded(worker.running.id) : failed('own'),
          random() < 0.05,
        );
      else if (worker.inbox.length > 0) worker.begin();
      else if (worker.stopped) worker.leave();
    };
    for (let i = 0; i < 300; i++) {
      await step();
      // What could not be sent is told before anything that a worker says.
      await turn();
      if (factory.givesBack) {
        const alive = [...factory.alive];
        const waiting = tasks.map(({ task }) => task).filter(({ queued }) => queued);
        // What is on its way nobody sees here; and a new function may wait for a worker that knows it, with others behind it.
        const isPlain =
          factory.delayed.size === 0 &&
          alive.every(({ horizon }) => waiting.every(({ fn }) => fn.id <= horizon));
        expectNobodyWaits(alive, isPlain ? waiting : [], seed);
      }
    }
    for (const send of delayed) send();
    set.close();
    const joined = set.join({});
    // The last part of its life is quiet, so that the pool can finish.
    for (let i = 0; i < 5_000 && factory.alive.size > 0; i++) {
      for (const worker of [...factory.alive]) {
        await turn();
        if (worker.pid === undefined || !worker.alive) continue;
        if (!worker.isReady) worker.ready();
        else if (worker.running !== undefined) worker.finish(succeeded(worker.running.id));
        else if (worker.inbox.length > 0) worker.begin();
        else if (worker.stopped) worker.leave();
      }
      await turn();
    }
    await joined;
    for (const { task, outcomes } of tasks) {
      expect(outcomes, `seed ${seed}`).toHaveLength(1);
      const [outcome] = outcomes;
      const runs = 1 + (died.has(task.id) ? (retries.get(task.id) ?? 0) : 0);
      expect(factory.begun.get(task.id) ?? 0).toBeLessThanOrEqual(runs);
      if (outcome?.ok === true) expect(outcome.value).toBe(task.id);
      else if (outcome?.error instanceof WorkerDiedError && died.has(task.id))
        expect(outcome.error.signalCode).toBe('SIGKILL');
    }
    expect(set.stats()).toMatchObject({ workers: 0, busy: 0, queued: 0 });
  }
});
