// When a worker wakes its pool: at once for answers that somebody waits for, and for those of a batch not for each.
import { expect, test, vi } from 'vitest';
import { FrameKind, TaskFlags, runTimeOf } from '../../../lib/pool/frames.js';
import type { AnyFunction } from '../../../lib/pool/functions.js';
import type { ControlLine, TaskLine } from '../../../lib/pool/pool-line.js';
import type { Frame } from '../../../lib/pool/received-frame.js';
import { serveTasks } from '../../../lib/pool/worker-loop.js';

const frame = (kind: FrameKind, spec: Partial<Frame> = {}): Frame => ({
  kind,
  shape: 0,
  flags: TaskFlags.Marked,
  number: 1,
  taskId: 0,
  batch: 0,
  read: () => [],
  ...spec,
});

const task = (taskId: number, batch = 0): Frame => frame(FrameKind.Task, { taskId, batch });

let now = 0;
/** Milliseconds that the last answer says. */
let ranFor: number | undefined;
vi.spyOn(performance, 'now').mockImplementation(() => now);

/** What the line was told, in order: `1 untold`, `2`, `tell`. */
async function served(frames: Frame[], fn: AnyFunction = () => 1): Promise<string[]> {
  const told: string[] = [];
  let owed = false;
  const nothing = (): undefined => undefined;
  const tasks: TaskLine = {
    tryRecv: () => frames.shift(),
    awaitBriefly: () => {
      told.push('look on');
      return undefined;
    },
    recv: () => Promise.resolve(undefined),
    mark: nothing,
    post: nothing,
    problemWith: nothing,
    send: ({ kind, taskId, number = 0 }, _value, _what, untold = false) => {
      ranFor = runTimeOf({ number });
      if (kind !== FrameKind.Ready) told.push(untold ? `${String(taskId)} untold` : String(taskId));
      owed = untold;
      return undefined;
    },
    tell: () => {
      if (owed) told.push('tell');
      owed = false;
    },
  };
  const control: ControlLine = {
    look: () => false,
    poll: () => Promise.resolve(false),
    recv: () => Promise.resolve(undefined),
    listen: () => nothing,
  };
  const functions = {
    horizon: 1,
    known: () => fn,
    get: () => fn,
    isTold: () => true,
    learn: nothing,
  };
  const setup = { functions, initializer: undefined, maxMemory: undefined };
  await serveTasks({ tasks, control }, setup);
  return told;
}

test('a batch is told together, before the worker waits for more', async () => {
  expect(await served([task(1, 7), task(2, 7), task(3, 7)])).toEqual([
    '1 untold',
    '2 untold',
    '3 untold',
    'tell',
    'look on',
  ]);
});

test('before a task of another batch, or of none, begins', async () => {
  expect(await served([task(1, 7), task(2, 8), task(3)])).toEqual([
    '1 untold',
    'tell',
    '2 untold',
    'tell',
    '3',
    'look on',
  ]);
});

test('before anything else that comes, the end included', async () => {
  expect(await served([task(1, 7), frame(FrameKind.Stop), task(2, 7)])).toEqual([
    '1 untold',
    'tell',
  ]);
});

test('at least every five milliseconds', async () => {
  const burn = (): void => {
    now += 6;
  };
  expect(await served([task(1, 7), task(2, 7)], burn)).toEqual([
    '1 untold',
    'tell',
    '2 untold',
    'tell',
    'look on',
  ]);
});

test('an error is told at once, and so is what comes later', async () => {
  const fail = (): never => {
    throw new Error('no');
  };
  expect(await served([task(1, 7)], fail)).toEqual(['1', 'look on']);
  expect(await served([task(1, 7)], () => Promise.resolve(1))).toEqual(['1', 'look on']);
});

test('the answer of what comes later says how long that took', async () => {
  const fn = async (): Promise<void> => {
    now += 2;
    await Promise.resolve();
    now += 20;
  };
  expect(await served([task(1)], fn)).toEqual(['1', 'look on']);
  expect(ranFor).toBe(22);
});
