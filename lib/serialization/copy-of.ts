/** Received bytes in memory of their own. */

/**
 * Arrays of these lengths are made several at a time, once enough of one length have come. V8 frees arrays on another thread,
 * which waits for the same lock of the C library's heap as whoever makes one; to sleep for it costs as much as all else of a get.
 * Shorter and longer ones were seen to gain nothing.
 */
const LEAST_LENGTH = 1024;
const MOST_LENGTH = 8192;
const SPARES = 32;

const spares: Uint8Array<ArrayBuffer>[] = [];
/** So many came last in a row, of this length. */
let streak = 0;
let lengthOfStreak = 0;

/** A Uint8Array with an ArrayBuffer for itself. */
export function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const spare = spareOf(bytes.length);
  // `slice` would fill it with zeros first.
  if (spare === undefined) return new Uint8Array(bytes);
  spare.set(bytes);
  return spare;
}

function spareOf(length: number): Uint8Array<ArrayBuffer> | undefined {
  if (length < LEAST_LENGTH || length > MOST_LENGTH) return undefined;
  if (length !== lengthOfStreak) {
    spares.length = 0;
    streak = 0;
    lengthOfStreak = length;
  }
  streak += 1;
  // As many as came before, at the most, are made in vain.
  if (spares.length === 0 && streak > SPARES) makeSpares(length);
  return spares.pop();
}

function makeSpares(length: number): void {
  try {
    for (let i = 0; i < SPARES; i += 1) spares.push(new Uint8Array(length));
  } catch {
    // There is no memory for so many: those that are there will do.
  }
}
