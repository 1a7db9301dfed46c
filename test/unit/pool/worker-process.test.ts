// In which order a worker's lines are written to, and what can be taken back, without a worker and without lines.
import { beforeEach, expect, test, vi } from 'vitest';
import { FrameKind, TaskFlags } from '../../../lib/pool/frames.js';
import { noteRunTime, type PoolFunction } from '../../../lib/pool/functions.js';
import { CallShape, Task } from '../../../lib/pool/task.js';
import type { NamedFunction, WorkerKind } from '../../../lib/pool/worker-kinds.js';
import { ProcessWorker } from '../../../lib/pool/worker-process.js';
import type { Process } from '../../../lib/process/process.js';
import { poolFunction, turn } from './fake-workers.js';

interface Sent {
  readonly taskId: number;
  readonly flags: number;
  readonly batch: number;
}

const sentTasks = vi.hoisted((): number[] => []);
const sentFrames = vi.hoisted((): Sent[] => []);

vi.mock('../../../lib/pool/pool-line.js', () => {
  class Line {
    static pair(): [Line, Line] {
      return [new Line(), new Line()];
    }
    readonly isShared = true;
    readonly #sent: (Sent & { kind: FrameKind })[] = [];
    send(header: Sent & { kind: FrameKind }): undefined {
      this.#sent.push(header);
      if (header.kind === FrameKind.Task) sentTasks.push(header.taskId);
      if (header.kind === FrameKind.Task) sentFrames.push(header);
      return undefined;
    }
    post(header: Sent & { kind: FrameKind }): void {
      this.send(header);
    }
    takeBack(): { kind: FrameKind; taskId: number } | undefined {
      return this.#sent.shift();
    }
    close(): void {}
  }
  return { PoolLine: Line };
});

beforeEach(() => void sentTasks.splice(0));

const events = {
  initializing: () => undefined,
  ready: () => undefined,
  initializerFailed: () => undefined,
  started: () => undefined,
  called: () => undefined,
  finished: () => undefined,
  reported: () => undefined,
  hadBegun: () => undefined,
  exited: () => undefined,
};

/** Functions get their names when the test says so. */
class NamingKind implements WorkerKind {
  readonly known = new Map<PoolFunction, NamedFunction>();
  readonly asked = new Map<PoolFunction, () => void>();

  makeProcess(): Process {
    const child = { name: 'Fake', pid: 1, start: () => undefined, sentinel: { onReady: turn } };
    return child as unknown as Process;
  }

  named(fn: PoolFunction): NamedFunction | undefined {
    return this.known.get(fn);
  }

  name(fn: PoolFunction): NamedFunction {
    const named = { number: this.known.size + 1, reference: {} as NamedFunction['reference'] };
    this.known.set(fn, named);
    return named;
  }

  refer(fn: PoolFunction): Promise<NamedFunction> {
    return new Promise((resolve) => {
      this.asked.set(fn, () => resolve(this.name(fn)));
    });
  }
}

const taskOf = (fn: PoolFunction): Task =>
  new Task({ fn, shape: CallShape.Apply, payload: [], onSettled: () => undefined });

test('tasks go out in the order in which they were given, also while a name is looked up', async () => {
  const kind = new NamingKind();
  const [unknown, known] = [poolFunction(), poolFunction()];
  kind.name(known);
  const worker = new ProcessWorker(kind);
  await worker.start(events);
  const tasks = [unknown, known, unknown, known].map(taskOf);
  const sent = tasks.map((task) => worker.send(task, task.fn));
  await turn();
  kind.asked.get(unknown)?.();
  await Promise.all(sent.map(async (waiting) => waiting));
  const last = taskOf(known);
  await worker.send(last, last.fn);
  expect(sentTasks).toEqual([...tasks, last].map(({ id }) => id));
});

test('a task that was dropped meanwhile is not sent, and holds up nobody', async () => {
  const kind = new NamingKind();
  const [unknown, known] = [poolFunction(), poolFunction()];
  kind.name(known);
  const worker = new ProcessWorker(kind);
  await worker.start(events);
  const [dropped, next] = [taskOf(unknown), taskOf(known)] as [Task, Task];
  const first = expect(worker.send(dropped, unknown)).rejects.toThrow('dropped before it was sent');
  const second = worker.send(next, known);
  await turn();
  dropped.settle({ ok: false, error: 'cancelled' });
  kind.asked.get(unknown)?.();
  await Promise.all([first, second]);
  expect(sentTasks).toEqual([next.id]);
});

test('tasks can be taken back whatever else was said between them, until the worker is told to stop', async () => {
  const kind = new NamingKind();
  const fns = [poolFunction(), poolFunction(), poolFunction()];
  for (const fn of fns) kind.name(fn);
  const worker = new ProcessWorker(kind);
  await worker.start(events);
  const tasks = fns.map(taskOf);
  for (const task of tasks) {
    void worker.send(task, task.fn);
    worker.abort(task, new Error('enough'));
  }
  const [first, second] = tasks as [Task, Task];
  expect([worker.takeBack(), worker.takeBack()]).toEqual([first.id, second.id]);
  worker.stop();
  expect(worker.takeBack()).toBeUndefined();
});

test('a task whose function is known begins by a mark if it takes less than a second, and has the number of its batch', async () => {
  const kind = new NamingKind();
  const fn = poolFunction();
  kind.name(fn);
  const worker = new ProcessWorker(kind);
  await worker.start(events);
  const sent = (batch: number, control = {}): [marked: boolean, batch: number] => {
    const task = new Task({
      ...{ fn, shape: CallShape.Apply, payload: [], onSettled: () => undefined },
      control,
    });
    task.batch = batch;
    void worker.send(task, fn);
    const { flags, batch: told } = sentFrames.at(-1)!;
    return [(flags & TaskFlags.Marked) !== 0, told];
  };
  expect(sent(7)).toEqual([false, 0]);
  noteRunTime(fn, 900);
  expect(sent(7)).toEqual([true, 7]);
  expect(sent(0)).toEqual([true, 0]);
  expect(sent(7, { taskTimeout: 1000 })).toEqual([false, 0]);
  noteRunTime(fn, 2000);
  expect(sent(0)).toEqual([false, 0]);
});
