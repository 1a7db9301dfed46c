/**
 * Memory of this thread in which a message is written that is copied elsewhere at once, and which the addon knows: to make an
 * array for each message, and to look it up natively, would cost more than most messages do.
 *
 * Whoever writes takes it (`busy`) and finds it taken when user code that runs meanwhile, such as a getter, sends something too.
 */
export const scratch = {
  bytes: Buffer.allocUnsafeSlow(64 * 1024),
  /** Of several messages, each of which begins at a multiple of SCRATCH_ALIGNMENT. */
  lengths: new Int32Array(256),
  busy: false,
};

/** Of native/bind/queue_buffers.h, both ways. */
const SCRATCH_ALIGNMENT = 8;

/** Several messages that stand there, in order, on their own. */
export function* copyFromScratch(count: number): Generator<Buffer, void, undefined> {
  let at = 0;
  for (let i = 0; i < count; i += 1) {
    const end = at + (scratch.lengths[i] as number);
    yield Buffer.from(scratch.bytes.subarray(at, end));
    at = afterScratch(end);
  }
}

/** Where the next message begins. */
export function afterScratch(end: number): number {
  return Math.ceil(end / SCRATCH_ALIGNMENT) * SCRATCH_ALIGNMENT;
}
