/**
 * V8's structured clone with two additions: byte arrays are copied by us (so that a Buffer arrives as a Buffer, and never
 * with its neighbours in Node's pool), and a Placeholder carries what a reducer made of an instance.
 */
import { types } from 'node:util';
import { Deserializer, Serializer } from 'node:v8';
import type { TransferHandle } from '../backend/contract.js';
import { SerializationError } from '../errors.js';
import { copyOf } from './copy-of.js';
import { rebuild } from './reducers.js';

/** Byte arrays from this size on go behind V8's bytes: V8 grows its buffer by copying, ours is allocated once. */
const BULK_BYTES = 32 * 1024;
/** What fits the length field of a byte array. */
const MAX_VIEW_BYTES = 2 ** 32 - 1;

const TAG_BUFFER = 10;
const TAG_PLACEHOLDER = 200;
/** Added to the view's tag: the bytes are in the bulk behind the body. */
const TAG_BULK = 0x100;

type ViewClass = new (buffer: ArrayBufferLike, offset: number, length: number) => ArrayBufferView;

/** The position is the tag on the wire; only ever append. */
const viewNames = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'DataView',
  'Buffer',
  'BigInt64Array',
  'BigUint64Array',
  'Float16Array',
];

/** The name of a typed array's kind whatever its class is; undefined for a DataView. */
const typedArrayKind = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
);

/** Stands for an instance inside the value that V8 writes. A view, since views are what V8 hands back to us. */
export class Placeholder extends Uint8Array {
  readonly tag: string;
  readonly data: unknown;

  constructor(tag: string, data: unknown) {
    super(0);
    this.tag = tag;
    this.data = data;
  }
}

/**
 * What V8 writes of a URL or a Blob too, and on Node 20 of a DOMException; so an empty object costs a walk. One of those that has
 * enumerable properties of its own looks like any other object; the compact writer tells of the first that it meets.
 */
export const EMPTY_OBJECT = 'o{\0';

/** Methods of v8.Serializer that the type declarations leave out. */
interface HiddenSerializer {
  _setTreatArrayBufferViewsAsHostObjects(treat: boolean): void;
}

/** Writes one value. After a failure `refused` is the host object V8 could not write, when that was the reason. */
export class CloneWriter extends Serializer {
  /** Large byte arrays, in order; to be sent behind the body. */
  readonly bulk: Uint8Array[] = [];
  /** How long they were when they were written down. */
  #bulkBytes = 0;
  refused: object | undefined;

  constructor() {
    super();
    (this as unknown as HiddenSerializer)._setTreatArrayBufferViewsAsHostObjects(true);
    this.writeHeader();
  }

  /** @internal Called by V8 for views and for objects backed by native code. */
  _writeHostObject(value: object): void {
    if (value instanceof Placeholder) {
      this.writeUint32(TAG_PLACEHOLDER);
      this.writeValue(value.tag);
      this.writeValue(value.data);
    } else if (ArrayBuffer.isView(value) && !types.isSharedArrayBuffer(value.buffer)) {
      this.#writeView(value);
    } else {
      this.refused = value;
      throw new Error('a host object cannot be cloned');
    }
  }

  /** What is sent behind the body has to be there still: a getter may have given an array away since. */
  checkBulk(): void {
    const now = this.bulk.reduce((sum, { length }) => sum + length, 0);
    if (now !== this.#bulkBytes) throw new Error('a byte array in it was detached meanwhile');
  }

  #writeView(view: ArrayBufferView): void {
    const tag = tagOf(view);
    if (tag === -1 || view.byteLength > MAX_VIEW_BYTES) {
      this.refused = view;
      throw new Error('a byte array of more than 4 GiB or of an unknown kind cannot be cloned');
    }
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    if (bytes.length >= BULK_BYTES) {
      this.writeUint32(tag | TAG_BULK);
      this.writeUint32(bytes.length);
      this.bulk.push(bytes);
      this.#bulkBytes += bytes.length;
    } else {
      this.writeUint32(tag);
      this.writeUint32(bytes.length);
      this.writeRawBytes(bytes);
    }
  }
}

function tagOf(view: ArrayBufferView): number {
  if (Buffer.isBuffer(view)) return TAG_BUFFER;
  return viewNames.indexOf((typedArrayKind?.get?.call(view) as string | undefined) ?? 'DataView');
}

/** Reads one value that CloneWriter wrote. Every byte array is a copy, unless the message's memory was given away. */
export class CloneReader extends Deserializer {
  readonly #bulk: Uint8Array | undefined;
  readonly #handles: readonly TransferHandle[];
  readonly #owned: boolean;
  #bulkAt = 0;

  constructor(
    body: Uint8Array,
    bulk: Uint8Array | undefined,
    handles: readonly TransferHandle[],
    owned: boolean,
  ) {
    super(body);
    this.#bulk = bulk;
    this.#handles = handles;
    this.#owned = owned;
    this.readHeader();
  }

  /** @internal Called by V8 where _writeHostObject was. */
  _readHostObject(): unknown {
    const tag = this.readUint32();
    if (tag === TAG_PLACEHOLDER) {
      const name: unknown = this.readValue();
      const data: unknown = this.readValue();
      return rebuild(name, data, this.#handles);
    }
    const length = this.readUint32();
    if ((tag & TAG_BULK) !== 0) return this.#readBulk(tag & ~TAG_BULK, length);
    const bytes = this.readRawBytes(length);
    return makeView(tag, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), false);
  }

  #readBulk(tag: number, length: number): unknown {
    const bulk = this.#bulk;
    if (!bulk || bulk.length - this.#bulkAt < length) {
      throw damaged('a byte array is longer than the message');
    }
    // Plain, since slice() of a Buffer would be a view.
    const bytes = new Uint8Array(bulk.buffer, bulk.byteOffset + this.#bulkAt, length);
    this.#bulkAt += length;
    return makeView(tag, bytes, this.#owned);
  }
}

/** A view of its own memory; only a Buffer may share that with the rest of the message, as Buffers always may. */
function makeView(tag: number, bytes: Uint8Array, owned: boolean): ArrayBufferView {
  const name = viewNames[tag];
  if (name === undefined) throw damaged(`${String(tag)} is no kind of byte array`);
  if (tag === TAG_BUFFER) {
    return owned
      ? Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length)
      : Buffer.from(bytes);
  }
  const View = (globalThis as unknown as Record<string, ViewClass | undefined>)[name];
  if (!View) throw damaged(`${name} is not known to this version of Node.js`);
  const size = (View as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
  if (bytes.length % size !== 0) throw damaged(`${String(bytes.length)} bytes make no ${name}`);
  // Alone in a memory that was given away it may keep that.
  const isAlone = owned && bytes.length === bytes.buffer.byteLength;
  return new View(isAlone ? bytes.buffer : copyOf(bytes).buffer, 0, bytes.length / size);
}

/** The error for bytes that no serializer wrote, or that were cut or changed on their way. */
export function damaged(reason: string, cause?: unknown): SerializationError {
  return new SerializationError(
    `the message is damaged or was not written by this package: ${reason}`,
    'message',
    cause === undefined ? {} : { cause },
  );
}
