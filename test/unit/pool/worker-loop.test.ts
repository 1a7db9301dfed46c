// What a worker does with a task that was aborted before its function was called.
import { expect, test } from 'vitest';
import { FrameKind, TaskFlags } from '../../../lib/pool/frames.js';
import type { AnyFunction } from '../../../lib/pool/functions.js';
import type { ControlLine, TaskLine } from '../../../lib/pool/pool-line.js';
import type { Frame } from '../../../lib/pool/received-frame.js';
import { serveTasks } from '../../../lib/pool/worker-loop.js';
import { encodeError } from '../../../lib/serialization/error-codec.js';

const frame = (kind: FrameKind, read: () => unknown): Frame => ({
  kind,
  shape: 0,
  flags: TaskFlags.Abortable,
  number: 1,
  taskId: 7,
  batch: 0,
  read,
});
const aborted = frame(FrameKind.Abort, () => encodeError(new Error('it was left')));
const nothing = (): undefined => undefined;

/** What the pool was told of the only task, which was aborted before it was read or while its function is loaded. */
async function served(when: 'before' | 'meanwhile', fn: AnyFunction): Promise<FrameKind[]> {
  const told: FrameKind[] = [];
  const tasks: TaskLine = {
    tryRecv: nothing,
    awaitBriefly: nothing,
    recv: () => Promise.resolve(given.shift()),
    mark: nothing,
    post: nothing,
    problemWith: nothing,
    send: ({ kind }) => void told.push(kind),
    tell: nothing,
  };
  const given = [frame(FrameKind.Task, () => [])];
  const unread = when === 'before' ? [aborted] : [];
  let hear: (message: Frame) => void = nothing;
  const control: ControlLine = {
    look: () => unread.length > 0,
    poll: () => Promise.resolve(unread.length > 0),
    recv: () => Promise.resolve(unread.shift()),
    listen: (onFrame) => {
      hear = onFrame;
      return nothing;
    },
  };
  const functions = {
    horizon: 1,
    get: () => {
      if (when === 'meanwhile') hear(aborted);
      return Promise.resolve(fn);
    },
    known: nothing,
    isTold: () => true,
    learn: nothing,
  };
  await serveTasks({ tasks, control }, { functions, initializer: undefined, maxMemory: undefined });
  return told;
}

for (const when of ['before', 'meanwhile'] as const) {
  test(`its function is not called: aborted ${when}`, async () => {
    let calls = 0;
    const told = await served(when, () => ++calls);
    const begun = when === 'before' ? [] : [FrameKind.Started];
    expect(told).toEqual([FrameKind.Ready, ...begun, FrameKind.Failed]);
    expect(calls).toBe(0);
  });
}
