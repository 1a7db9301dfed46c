/**
 * What a pool and its worker say to each other. A message is a header of fixed size, and for some kinds a serialized value:
 *
 *     kind u8 | shape u8 | unused × 2 | number u32 | task id f64 | value …
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
}

export interface FrameHeader {
  readonly kind: FrameKind;
  readonly shape: number;
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
  frame.writeUInt16LE(0, 2);
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
    number: view.getUint32(4, true),
    taskId: view.getFloat64(8, true),
  };
}
