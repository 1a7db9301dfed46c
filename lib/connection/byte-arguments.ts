/** What the methods for bytes accept and give back, checked. Offsets and sizes are in bytes, whatever the array's elements are. */
import type { Names } from '../base/option-names.js';
import {
  checkInteger,
  checkOptions,
  invalidType,
  outOfRange,
  WAIT,
  type Wait,
} from '../base/options.js';
import { BufferTooShortError } from '../errors.js';

/** `name` must be any typed array, DataView or Buffer; answers its bytes. */
export function viewBytes(name: string, view: unknown): Buffer {
  if (!ArrayBuffer.isView(view))
    throw invalidType(name, 'a Buffer, a typed array or a DataView', view);
  try {
    return Buffer.from(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
  } catch {
    throw invalidType(
      name,
      'a view of memory that was not transferred away and has not shrunk',
      view,
    );
  }
}

export interface SendBytesOptions {
  /** Where to begin. Default 0. */
  offset?: number | undefined;
  /** How many. Default: all from the offset on. */
  size?: number | undefined;
}

const SEND_BYTES_SYNC: Names<SendBytesOptions> = { offset: true, size: true };
export const SEND_BYTES: Names<SendBytesOptions & Wait> = { ...WAIT, ...SEND_BYTES_SYNC };

/** The part of `view` that is to be sent. */
export function bytesToSend(
  view: unknown,
  options: SendBytesOptions | undefined,
  known: Names<SendBytesOptions> = SEND_BYTES_SYNC,
): Buffer {
  const bytes = viewBytes('bytes', view);
  if (options === undefined) return bytes;
  checkOptions('options', options, known);
  const { offset = 0, size } = options;
  checkInteger('options.offset', offset, 0);
  if (offset > bytes.length) {
    throw outOfRange('options.offset', `at most the ${bytes.length} bytes given`, offset);
  }
  if (size === undefined) return bytes.subarray(offset);
  checkInteger('options.size', size, 0);
  if (size > bytes.length - offset) {
    throw outOfRange(
      'options.size',
      `at most the ${bytes.length - offset} bytes from the offset on`,
      size,
    );
  }
  return bytes.subarray(offset, offset + size);
}

export interface ReceiveIntoOptions {
  /** Where in the target to begin. Default 0. */
  offset?: number | undefined;
}

export const RECEIVE_INTO: Names<ReceiveIntoOptions & Wait> = { ...WAIT, offset: true };

export function fillOffset(options: ReceiveIntoOptions | undefined): number {
  checkOptions('options', options, RECEIVE_INTO);
  const offset = options?.offset ?? 0;
  checkInteger('options.offset', offset, 0);
  return offset;
}

/** The part of `target` that a message may fill. */
export function bytesToFill(target: unknown, offset: number): Buffer {
  const bytes = viewBytes('target', target);
  if (offset > bytes.length) {
    throw outOfRange('options.offset', `at most the target's ${bytes.length} bytes`, offset);
  }
  return bytes.subarray(offset);
}

export interface LengthLimit {
  /** In bytes. A longer message is an error that carries it. */
  maxLength?: number | undefined;
}

export const LIMITED: Names<LengthLimit & Wait> = { ...WAIT, maxLength: true };

export function maxLength(options: LengthLimit | undefined): number {
  checkOptions('options', options, LIMITED);
  const most: unknown = options?.maxLength;
  if (most === undefined) return Infinity;
  checkInteger('options.maxLength', most, 0);
  return most;
}

export function withinLength(bytes: Buffer, most: number): Buffer {
  if (bytes.length <= most) return bytes;
  throw new BufferTooShortError(
    `the message has ${bytes.length} bytes, and at most ${most} were asked for; it is in this error's bytes`,
    bytes,
  );
}

/** Unless the message was written there already. */
export function fill(room: Buffer, bytes: Buffer): number {
  if (bytes.length > room.length) {
    throw new BufferTooShortError(
      `the message has ${bytes.length} bytes, and the target has room for ${room.length}; it is in this error's bytes`,
      bytes,
    );
  }
  const isThere = bytes.buffer === room.buffer && bytes.byteOffset === room.byteOffset;
  if (!isThere) bytes.copy(room);
  return bytes.length;
}
