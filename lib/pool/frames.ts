/**
 * What a pool and its worker say to each other. A message is a header of fixed size, and for some kinds a serialized value:
 *
 *     kind u8 | shape u8 | flags u16 | number u32 | task id f64 | batch u32 | 0 u32 | value …
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
  /** From the worker: the value is the task's answer, `number` how long it ran (`runTimeOf`). */
  Done = 6,
  /** From the worker: the value is the task's error, `number` as above. */
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
  /** It may be aborted while it runs, so its worker listens meanwhile; a marked one only when its function answers a promise. */
  Abortable = 1,
  /** Somebody wants to hear its reports. */
  Reporting = 2,
  /** Its run is limited, and the loading of its function is not part of that. */
  Timed = 4,
  /** It is likely to end in a moment: its beginning is marked in the memory that both sides share, and is no message. */
  Marked = 8,
}

/** Of an answer. */
export const enum AnswerFlags {
  /** The worker has outgrown its memory: it should get nothing more. */
  Outgrown = 1,
  /** Of a shape that answers an outcome for each item: all went well, and the value is the results. */
  AllWell = 2,
  /** The function answered a promise. */
  Later = 4,
}

export interface FrameHeader {
  readonly kind: FrameKind;
  readonly shape: number;
  readonly flags: number;
  readonly number: number;
  readonly taskId: number;
  /** Of a task whose answer may be told late: its number is that of the tasks that are waited for together with it. Else 0. */
  readonly batch: number;
}

/** A multiple of eight: typed arrays in the value stay where they are. */
export const HEADER_BYTES = 24;

/** As `number`: every function. */
export const ALL_FUNCTIONS = 0xffff_ffff;

/** Of an answer, as `number`: whole microseconds, and one more; 0 where the task has not begun. */
export function runTimeSince(begunAt: number | undefined): number {
  if (begunAt === undefined) return 0;
  return Math.min(Math.round((performance.now() - begunAt) * 1000) + 1, LONGEST_RUN);
}

const LONGEST_RUN = 0xffff_ffff;

/** In milliseconds, of more than an hour an hour; undefined where it has not begun. */
export function runTimeOf({ number }: Pick<FrameHeader, 'number'>): number | undefined {
  return number === 0 ? undefined : (number - 1) / 1000;
}

/** Writes the header to the beginning of the message. */
export function encodeHeader(frame: Buffer, header: FrameHeader): void {
  frame[0] = header.kind;
  frame[1] = header.shape;
  frame.writeUInt16LE(header.flags, 2);
  frame.writeUInt32LE(header.number, 4);
  frame.writeDoubleLE(header.taskId, 8);
  frame.writeUInt32LE(header.batch, 16);
  frame.writeUInt32LE(0, 20);
}

export function decodeHeader(frame: Buffer): FrameHeader {
  return {
    kind: frame[0] as number,
    shape: frame[1] as number,
    flags: frame.readUInt16LE(2),
    number: frame.readUInt32LE(4),
    taskId: frame.readDoubleLE(8),
    batch: frame.readUInt32LE(16),
  };
}
