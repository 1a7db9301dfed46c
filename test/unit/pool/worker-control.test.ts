import { expect, test } from 'vitest';
import { FrameKind } from '../../../lib/pool/frames.js';
import type { Frame } from '../../../lib/pool/received-frame.js';
import { WorkerControl } from '../../../lib/pool/worker-control.js';
import { encodeError } from '../../../lib/serialization/error-codec.js';
import { turn } from './fake-workers.js';

const frame = (kind: FrameKind, about: Partial<Frame>, value?: unknown): Frame => ({
  kind,
  shape: 0,
  flags: 0,
  number: 0,
  taskId: 0,
  batch: 0,
  ...about,
  read: () => value,
});
const abort = (taskId: number, reason: unknown): Frame =>
  frame(FrameKind.Abort, { taskId }, encodeError(reason));
const name = (number: number, reference: string): Frame =>
  frame(FrameKind.Function, { number }, reference);

/** A line on which the test says what comes when; undefined is its end. */
class FakeLine {
  readonly frames: (Frame | undefined)[] = [];
  #wake: (() => void) | undefined;
  #hear: ((frame: Frame | undefined) => void) | undefined;

  say(...frames: (Frame | undefined)[]): void {
    this.frames.push(...frames);
    while (this.#hear !== undefined && this.frames.length > 0) this.#hear(this.frames.shift());
    this.#wake?.();
  }

  look(): boolean {
    return this.frames.length > 0;
  }

  poll(): Promise<boolean> {
    return Promise.resolve(this.look());
  }

  async recv(): Promise<Frame | undefined> {
    if (this.frames.length === 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.frames.shift();
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
  const told = new Map<number, unknown>();
  const control = new WorkerControl(line, {
    isTold: (number) => told.has(number),
    learn: (number, reference) => void told.set(number, reference),
  });
  const heard: unknown[] = [];
  return { line, control, told, heard, hear: (why: unknown) => heard.push(why) };
}

test('beside a task it hears of its abort, and not of others', async () => {
  const { line, control, heard, hear } = open();
  const stop = await control.listenFor(1, hear);
  line.say(abort(7, 'ended'), abort(1, 'enough'));
  await stop();
  expect(heard).toEqual(['enough']);
});

test('an abort that is there before the task begins is heard at once', async () => {
  const { line, control, heard, hear } = open();
  line.say(abort(1, 'before'));
  expect(control.mayBeAborted(1)).toBe(true);
  const listening = control.listenFor(1, hear);
  await listening.then((stop) => stop());
  expect(heard).toEqual(['before']);
  expect(control.mayBeAborted(1)).toBe(false);
});

test('the abort of the next task is kept for it; then those that were read are of tasks that have ended', async () => {
  const { line, control, heard, hear } = open();
  const stop = await control.listenFor(1, hear);
  line.say(abort(2, 'the next'), abort(3, 'ended'));
  await stop();
  expect(heard).toEqual([]);
  expect(control.mayBeAborted(2)).toBe(true);
  for (const id of [2, 3]) await (await control.listenFor(id, hear))();
  expect(heard).toEqual(['the next']);
  expect(control.mayBeAborted(3)).toBe(false);
});

test('between tasks nothing is read', async () => {
  const { line, control, heard, hear } = open();
  await (
    await control.listenFor(1, hear)
  )();
  line.say(abort(2, 'later'));
  await turn();
  expect(line.frames).toHaveLength(1);
  expect(heard).toEqual([]);
});

test('waits until it is told what a function is, and reads no more than that', async () => {
  const { line, control, told, heard, hear } = open();
  const waiting = control.untilTold(2);
  line.say(name(1, 'one'));
  await turn();
  line.say(abort(5, 'enough'), name(2, 'two'), name(3, 'three'));
  await waiting;
  expect([...told.values()]).toEqual(['one', 'two']);
  await (
    await control.listenFor(5, hear)
  )();
  expect(heard).toEqual(['enough']);
  expect([...told.values()]).toEqual(['one', 'two', 'three']);
});

test('names come beside a task as well', async () => {
  const { line, control, told, hear } = open();
  const stop = await control.listenFor(1, hear);
  line.say(name(4, 'four'));
  await stop();
  expect(told.get(4)).toBe('four');
});

test('the end is the end: nothing is waited for', async () => {
  const { line, control, told, heard, hear } = open();
  const stop = await control.listenFor(1, hear);
  line.say(undefined);
  await stop();
  await control.untilTold(1);
  await (
    await control.listenFor(2, hear)
  )();
  expect([heard, [...told]]).toEqual([[], []]);
});
