/**
 * Value ↔ bytes + handles. Structured clone as v8.serialize does it, and beyond it: instances of our handle classes and of
 * classes with a reducer, errors with their class, functions made by taskRef. What cannot travel is named by its place.
 *
 * Three formats, told apart by the first byte: compact (compact-format.ts); 0xFF, V8's own; and 0x20, framed:
 *
 *     0x20  unused × 3  body length (u32 LE)  body: V8's own  large byte arrays, one after the other
 *
 * Small plain values are written here, most others by V8 at once. Our handle instances make V8 fail (`refuseClone`), and then the
 * value is walked: copied with placeholders for what a reducer takes apart. The walk is also what finds the offender.
 */
import type { Front, TransferHandle } from '../backend/contract.js';
import { asBuffer } from '../base/bytes.js';
import { scratch } from '../base/scratch.js';
import { SerializationError } from '../errors.js';
import { CloneReader, CloneWriter, EMPTY_OBJECT, damaged } from './clone-stream.js';
import { NOT_COMPACT, alignedInTwo, readCompact, readCompactInTwo } from './compact-reader.js';
import {
  NOT_WRITTEN,
  compactInTwo,
  compactText,
  takeMetHostObject,
  writeCompact,
} from './compact-writer.js';
import { GraphWalk } from './graph-walk.js';
import { isError } from './error-codec.js';
import { hasUserReducers } from './reducers.js';
import { type Transfer, discardUntaken } from './transfer.js';

const V8_FORMAT = 0xff;
const FRAMED_FORMAT = 0x20;
const FRAME_HEADER_BYTES = 8;

/** What `deserialize` may be told about the bytes. */
export interface DeserializeOptions {
  /** The memory of `bytes` is given away and never written again, so that large Buffers need no copy. */
  owned?: boolean;
  /** Where the value begins; 0 where nothing is said. */
  from?: number;
  /** What stood behind the bytes: they are the front of a message in parts. Given away. */
  rest?: Uint8Array | undefined;
}

/**
 * A value as it is written before its parts are put together. `rest` are byte arrays of the value itself, whose bytes are those of the
 * moment in which they are copied; together they stand behind `front`, which is all there is of most values.
 */
export interface Written {
  readonly front: readonly Buffer[];
  readonly rest: readonly Uint8Array[];
}

const NOTHING: readonly Uint8Array[] = Object.freeze([]);

/**
 * The bytes of one value. Handles go into `transfer`; without one a value that needs handles is refused. `root` begins the
 * path in errors, as in `args[0].onDone`. When it throws, handles acquired on the way have been released.
 * @throws SerializationError naming what cannot travel, where it is, and the way out.
 */
export function serialize(value: unknown, transfer: Transfer | undefined, root = 'value'): Buffer {
  const { front, rest } = serializeInParts(value, transfer, root);
  return joined(front, rest);
}

/** In one piece. */
export function joined(front: readonly Buffer[], rest: readonly Uint8Array[]): Buffer {
  const [only] = front;
  if (only !== undefined && front.length === 1 && rest.length === 0) return only;
  return Buffer.concat([...front, ...rest]);
}

/** The same for who copies the parts where they are to lie. `deserialize` is told of the `rest`. @throws as `serialize` */
export function serializeInParts(
  value: unknown,
  transfer: Transfer | undefined,
  root = 'value',
): Written {
  const length = serializeToScratch(value, 0);
  if (length > 0) return { front: [Buffer.from(scratch.bytes.subarray(0, length))], rest: NOTHING };
  return serializeLarge(value, transfer, root);
}

/** The same of a value that `serializeToScratch` has not written. */
export function serializeLarge(
  value: unknown,
  transfer: Transfer | undefined,
  root = 'value',
): Written {
  const text = compactText(value);
  if (text !== undefined) return { front: [text], rest: NOTHING };
  const inTwo = compactInTwo(value);
  if (inTwo !== undefined) return { front: [Buffer.of(inTwo.kind)], rest: [inTwo.bytes] };
  if (takeMetHostObject() || hasUserReducers() || isError(value)) {
    return framed(serializeByWalk(value, transfer, root));
  }
  const attempt = tryClone(value);
  if (attempt.failure === undefined && !mayHoldMore(attempt.body)) return framed(attempt);
  return framed(serializeByWalk(value, transfer, root, attempt));
}

/**
 * The same in the thread's scratch memory, from `at` on, if it has room and the value is one of the many small ones: where it
 * ends, else NOT_WRITTEN, which says nothing about the value.
 */
export function serializeToScratch(value: unknown, at: number): number {
  if (scratch.busy) return NOT_WRITTEN;
  scratch.busy = true;
  try {
    return writeCompact(scratch.bytes, at, value);
  } finally {
    scratch.busy = false;
  }
}

/**
 * The value that `serialize` wrote. A message that cannot be read gives SerializationError, whatever the bytes are, and
 * releases those handles that nobody has taken over.
 */
export function deserialize(
  bytes: Uint8Array,
  handles: readonly TransferHandle[] = [],
  options: DeserializeOptions = {},
): unknown {
  const { owned = false, from = 0, rest } = options;
  const all = asBuffer(bytes);
  try {
    if (rest !== undefined) return readInParts(all.subarray(from), rest, handles);
    const value = readCompact(all, from, all.length, owned);
    return value === NOT_COMPACT ? readClone(all.subarray(from), handles, owned) : value;
  } catch (error) {
    throw notUnderstood(error, handles);
  }
}

/** The same of a part of the bytes, without an array for it. */
export function deserializePart(
  bytes: Buffer,
  start: number,
  end: number,
  handles: readonly TransferHandle[],
): unknown {
  try {
    const value = readCompact(bytes, start, end, false);
    return value === NOT_COMPACT ? readClone(bytes.subarray(start, end), handles, false) : value;
  } catch (error) {
    throw notUnderstood(error, handles);
  }
}

/** Nothing of the program's own runs while it is read. */
export function isCompact(message: Buffer): boolean {
  return message[0] !== V8_FORMAT && message[0] !== FRAMED_FORMAT;
}

/** The same of a message in parts: what stands in front, and the rest, which is given away. */
export function deserializeInParts(
  front: Front,
  rest: Uint8Array,
  handles: readonly TransferHandle[] = [],
): unknown {
  if (typeof front !== 'number') return deserialize(front, handles, { owned: true, rest });
  try {
    return readCompactInTwo(front, rest);
  } catch (error) {
    throw notUnderstood(error, handles);
  }
}

function notUnderstood(error: unknown, handles: readonly TransferHandle[]): SerializationError {
  discardUntaken(handles);
  if (error instanceof SerializationError) return error;
  return damaged(error instanceof Error ? error.message : String(error), error);
}

interface Cloned {
  /** V8's own. */
  body: Buffer;
  bulk: readonly Uint8Array[];
}

type Attempt = (Cloned & { failure?: undefined }) | { failure: Failure };

interface Failure {
  error: unknown;
  refused: object | undefined;
}

function tryClone(value: unknown): Attempt {
  const writer = new CloneWriter();
  try {
    writer.writeValue(value);
    writer.checkBulk();
    return { body: writer.releaseBuffer(), bulk: writer.bulk };
  } catch (error) {
    return { failure: { error, refused: writer.refused } };
  }
}

function framed({ body, bulk }: Cloned): Written {
  if (bulk.length === 0) return { front: [body], rest: NOTHING };
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header[0] = FRAMED_FORMAT;
  header.writeUInt32LE(body.length, 4);
  return { front: [header, body], rest: bulk };
}

/** Every stack of V8's has a line like this; text that happens to hold one costs a walk and nothing else. */
const STACK_LINE = '\n    at ';
const stackLines = [Buffer.from(STACK_LINE, 'latin1'), Buffer.from(STACK_LINE, 'utf16le')];
/** Its end, without the first letter, of which there are many in a text. */
const emptyObjectEnd = Buffer.from('{\0', 'latin1');
/** Up to here one search in a string is cheaper than two in the bytes. */
const SMALL_BYTES = 2048;

/**
 * V8 writes an error without its class, code and own properties, and gives no sign that it met one. Its stack does: so
 * errors are found by searching what was written, and values without errors need no walk. Byte arrays behind the body
 * hold no errors. An error whose stack has no such line keeps what structured clone keeps, unless it is the whole value.
 */
function mayHoldMore(body: Buffer): boolean {
  if (body.length <= SMALL_BYTES) {
    const text = body.toString('latin1');
    if (text.includes(EMPTY_OBJECT)) return true;
    return text.includes(STACK_LINE) || text.includes('\n\0 \0 \0 \0 \0a\0t\0 ');
  }
  if (body.includes(emptyObjectEnd) && body.includes(EMPTY_OBJECT, 0, 'latin1')) return true;
  return stackLines.some((line) => body.includes(line));
}

function bodyEnd(framed: Buffer): number {
  return FRAME_HEADER_BYTES + framed.readUInt32LE(4);
}

function serializeByWalk(
  value: unknown,
  transfer: Transfer | undefined,
  root: string,
  first?: Attempt,
): Cloned {
  const handlesBefore = transfer?.handles.length ?? 0;
  try {
    if (first?.failure && isStackOverflow(first.failure.error)) throw first.failure.error;
    const walk = new GraphWalk(transfer, root, first?.failure?.refused);
    const copy = walk.copy(value);
    // Nothing was replaced: what the first attempt said stands.
    const result = walk.replaced === 0 && first ? first : tryClone(copy);
    if (result.failure)
      throw whereRefused(walk.replaced === 0 ? value : copy, result.failure, root);
    return result;
  } catch (error) {
    transfer?.discard(handlesBefore);
    if (error instanceof SerializationError) throw error;
    throw cannotClone(root, error);
  }
}

/** V8 does not say which part it has refused: a second walk asks it about every part that only it can tell of. */
function whereRefused(value: unknown, { error, refused }: Failure, root: string): unknown {
  if (!isStackOverflow(error)) new GraphWalk(undefined, root, refused, true).copy(value);
  return error;
}

function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes('call stack');
}

function cannotClone(root: string, error: unknown): SerializationError {
  const reason = isStackOverflow(error)
    ? 'it is nested too deeply; send it in parts or as a flat list'
    : error instanceof Error
      ? error.message
      : String(error);
  return new SerializationError(`${root} cannot be sent to another process: ${reason}`, root, {
    cause: error,
  });
}

function readClone(bytes: Buffer, handles: readonly TransferHandle[], owned: boolean): unknown {
  if (bytes[0] === V8_FORMAT) {
    return new CloneReader(bytes, undefined, handles, owned).readValue();
  }
  if (bytes[0] !== FRAMED_FORMAT || bytes.length < FRAME_HEADER_BYTES) {
    throw damaged(bytes.length === 0 ? 'it is empty' : 'its beginning is unknown');
  }
  const end = bodyEnd(bytes);
  if (end > bytes.length) throw damaged('it has been cut short');
  const body = bytes.subarray(FRAME_HEADER_BYTES, end);
  return new CloneReader(body, bytes.subarray(end), handles, owned).readValue();
}

function readInParts(front: Buffer, rest: Uint8Array, handles: readonly TransferHandle[]): unknown {
  const aligned = alignedInTwo(front, rest);
  if (aligned !== undefined) return aligned;
  const [kind = 0] = front;
  const isFramed = kind === FRAMED_FORMAT && front.length >= FRAME_HEADER_BYTES;
  if ((isFramed ? bodyEnd(front) : 1) !== front.length) {
    throw damaged('its parts do not fit together');
  }
  if (!isFramed) return readCompactInTwo(kind, rest);
  return new CloneReader(front.subarray(FRAME_HEADER_BYTES), rest, handles, true).readValue();
}
