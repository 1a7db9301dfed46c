/**
 * What a pool and its worker say to each other. A message is a header of fixed size, and for some kinds a serialized value:
 *
 *     kind u8 | shape u8 | flags u16 | number u32 | task id f64 | value …
 *
 * The header is readable even where the value is not, so a value that cannot be decoded fails its own task and no other.
 */

export const enum FrameKind {
  /** To the worker: run function `number` over the value. */
  Task = 0,
  /** To the worker: function `number` is what this reference names. */
  Function = 1,
  /** To the worker: nothing more is to come. */
  Stop = 2,
  /** From the worker: the initializer has run, and every function up to `number` is known. */
  Ready = 3,
  /** From the worker: the value is the initializer's error. */
  InitializerFailed = 4,
  /** From the worker, before any user code: from here on a death is this task's. */
  Started = 5,
  /** From the worker: the value is the task's answer. */
  Done = 6,
  /** From the worker: the value is the task's error. */
  Failed = 7,
  /** To the worker: nobody waits for this task any more; the value is why. */
  Abort = 8,
  /** From the worker: what the task reports of itself, about item `number` of its payload. */
  Report = 9,
  /** From the worker: its initializer begins. */
  Initializing = 10,
  /** From the worker, of a timed task: its function has been loaded and is called. */
  Called = 11,
}

/** Of a task on its way to the worker: what may come of it. None costs anything where it is not set. */
export const enum TaskFlags {
  /** It may be aborted while it runs, so its worker listens meanwhile. */
  Abortable = 1,
  /** Somebody wants to hear its reports. */
  Reporting = 2,
  /** Its run is limited, and the loading of its function is not part of that. */
  Timed = 4,
}

/** Of an answer. */
export const enum AnswerFlags {
  /** The worker has outgrown its memory: it should get nothing more. */
  Outgrown = 1,
}

export interface FrameHeader {
  readonly kind: FrameKind;
  readonly shape: number;
  readonly flags: number;
  readonly number: number;
  readonly taskId: number;
}

export const HEADER_BYTES = 16;

/** As `number`: every function. */
export const ALL_FUNCTIONS = 0xffff_ffff;

const NO_BODY = new Uint8Array(0);

export function encodeFrame(header: FrameHeader, body: Uint8Array = NO_BODY): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  frame.writeUInt8(header.kind, 0);
  frame.writeUInt8(header.shape, 1);
  frame.writeUInt16LE(header.flags, 2);
  frame.writeUInt32LE(header.number, 4);
  frame.writeDoubleLE(header.taskId, 8);
  if (body.length > 0) frame.set(body, HEADER_BYTES);
  return frame;
}

export function decodeHeader(bytes: Uint8Array): FrameHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    kind: view.getUint8(0),
    shape: view.getUint8(1),
    flags: view.getUint16(2, true),
    number: view.getUint32(4, true),
    taskId: view.getFloat64(8, true),
  };
}
