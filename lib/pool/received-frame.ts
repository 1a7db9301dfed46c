/** A message between a pool and its worker, as it has arrived. */
import type { Message, TransferHandle } from '../backend/contract.js';
import { asBuffer } from '../base/bytes.js';
import { deserialize } from '../serialization/serializer.js';
import { decodeHeader, HEADER_BYTES, type FrameHeader } from './frames.js';

export interface Frame extends FrameHeader {
  /** The value behind the header. To be read once. @throws SerializationError */
  read(): unknown;
}

export class ReceivedFrame implements Frame {
  readonly kind: number;
  readonly shape: number;
  readonly flags: number;
  readonly number: number;
  readonly taskId: number;
  readonly batch: number;
  readonly #bytes: Buffer;
  readonly #rest: Uint8Array | undefined;
  readonly #handles: readonly TransferHandle[];

  constructor({ bytes, front, handles }: Message) {
    const whole = asBuffer(front ?? bytes);
    const { kind, shape, flags, number, taskId, batch } = decodeHeader(whole);
    this.kind = kind;
    this.shape = shape;
    this.flags = flags;
    this.number = number;
    this.taskId = taskId;
    this.batch = batch;
    this.#bytes = whole;
    this.#rest = front && bytes;
    this.#handles = handles;
  }

  read(): unknown {
    const bytes = this.#bytes;
    if (bytes.length === HEADER_BYTES) return undefined;
    const options = { owned: true, from: HEADER_BYTES, rest: this.#rest };
    return deserialize(bytes, this.#handles, options);
  }
}
