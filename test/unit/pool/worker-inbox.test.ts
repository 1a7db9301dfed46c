import { expect, test } from 'vitest';
import { FrameKind } from '../../../lib/pool/frames.js';
import type { Frame } from '../../../lib/pool/pool-line.js';
import { WorkerInbox } from '../../../lib/pool/worker-inbox.js';
import { encodeError } from '../../../lib/serialization/error-codec.js';
import { turn } from './fake-workers.js';

const frame = (kind: FrameKind, taskId: number, value?: unknown): Frame => ({
  kind,
  shape: 0,
  flags: 0,
  number: 0,
  taskId,
  read: () => value,
});
const task = (id: number): Frame => frame(FrameKind.Task, id);
const abort = (id: number, reason: unknown): Frame =>
  frame(FrameKind.Abort, id, encodeError(reason));

/** A line on which the test says what comes when; undefined is its end. */
class FakeLine {
  readonly #frames: (Frame | undefined)[] = [];
  #wake: (() => void) | undefined;
  #hear: ((frame: Frame | undefined) => void) | undefined;

  say(...frames: (Frame | undefined)[]): void {
    this.#frames.push(...frames);
    while (this.#hear !== undefined && this.#frames.length > 0) this.#hear(this.#frames.shift());
    this.#wake?.();
  }

  /** How many aborts the pool has sent. */
  marked = 0;
  /** What comes in the moment in which it would go to sleep. */
  soon: Frame | undefined;

  tryRecv(): Frame | undefined {
    return this.#frames.shift();
  }

  awaitBriefly(): Frame | undefined {
    const frame = this.soon;
    this.soon = undefined;
    return frame;
  }

  poll(): Promise<boolean> {
    return Promise.resolve(this.#frames.length > 0);
  }

  async recv(): Promise<Frame | undefined> {
    if (this.#frames.length === 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.#frames.shift();
  }

  listen(onFrame: (frame: Frame) => void, onGone: () => void): () => undefined {
    this.#hear = (frame) => {
      if (frame === undefined) onGone();
      else onFrame(frame);
    };
    return () => {
      this.#hear = undefined;
      return undefined;
    };
  }
}

function open() {
  const line = new FakeLine();
  const heard: unknown[] = [];
  return { line, inbox: new WorkerInbox(line), heard, hear: (why: unknown) => heard.push(why) };
}

test('beside a task it hears of its abort, and keeps everything else for later', async () => {
  const { line, inbox, heard, hear } = open();
  const stop = await inbox.listenFor(1, hear);
  line.say(task(2), abort(1, 'enough'), frame(FrameKind.Stop, 0));
  await turn();
  await stop();
  expect(heard).toEqual(['enough']);
  expect((await inbox.next())?.taskId).toBe(2);
  expect((await inbox.next())?.kind).toBe(FrameKind.Stop);
});

test('an abort that is there before the task begins is heard at once', async () => {
  const { line, inbox, heard, hear } = open();
  line.say(abort(1, 'before'));
  const stop = await inbox.listenFor(1, hear);
  expect(heard).toEqual(['before']);
  await stop();
});

test('the abort of a task that is next is kept for it, one of a task that has ended is not', async () => {
  const { line, inbox, heard, hear } = open();
  const stop = await inbox.listenFor(1, hear);
  line.say(task(2), abort(2, 'the next'), abort(3, 'ended'), task(3));
  await turn();
  await stop();
  expect(heard).toEqual([]);
  for (const id of [2, 3]) {
    expect((await inbox.next())?.taskId).toBe(id);
    await (
      await inbox.listenFor(id, hear)
    )();
  }
  expect(heard).toEqual(['the next']);
});

test('what comes after the listening is for the next who asks; the end stays the end', async () => {
  const { line, inbox, hear } = open();
  await (
    await inbox.listenFor(1, hear)
  )();
  const next = inbox.next();
  line.say(task(2));
  expect((await next)?.taskId).toBe(2);
  const stop = await inbox.listenFor(2, hear);
  line.say(undefined);
  await turn();
  await stop();
  expect(await inbox.next()).toBeUndefined();
  expect(await inbox.next()).toBeUndefined();
});

test('what comes in the moment before it would sleep is taken, after what is here', () => {
  const { line, inbox } = open();
  line.soon = abort(2, 'late');
  line.marked = 1;
  line.say(task(1));
  expect(inbox.take()?.taskId).toBe(1);
  expect(inbox.take()?.taskId).toBe(2);
  expect(inbox.take()).toBeUndefined();
  expect(inbox.mayBeAborted(3)).toBe(false);
});

test('a task may have been aborted while the pool has sent more aborts than were read, and when one of them is its own', async () => {
  const { line, inbox, heard, hear } = open();
  expect(inbox.mayBeAborted(1)).toBe(false);
  line.say(abort(9, 'ended'));
  line.marked = 1;
  expect(inbox.mayBeAborted(1)).toBe(true);
  expect(inbox.take()?.kind).toBe(FrameKind.Abort);
  expect(inbox.mayBeAborted(1)).toBe(false);
  line.say(task(2), task(3), abort(3, 'mine'), abort(9, 'not here'));
  line.marked = 3;
  await (
    await inbox.listenFor(1, hear)
  )();
  expect(inbox.mayBeAborted(2)).toBe(false);
  expect(inbox.mayBeAborted(3)).toBe(true);
  await (
    await inbox.listenFor(3, hear)
  )();
  expect(heard).toEqual(['mine']);
  expect(inbox.mayBeAborted(3)).toBe(false);
  line.say(abort(4, 'late'));
  line.marked = 4;
  expect((await inbox.next())?.taskId).toBe(2);
  expect((await inbox.next())?.taskId).toBe(3);
  expect((await inbox.next())?.taskId).toBe(4);
  expect(inbox.mayBeAborted(5)).toBe(false);
});
