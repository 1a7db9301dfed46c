/**
 * The values that most messages are, written without V8's serializer, whose setup alone costs more than all of this: primitives,
 * byte arrays, and small plain objects and arrays of such. What it writes, it writes as structured clone would; whatever it is
 * not sure of (classes, holes, getters that throw, shared or circular parts, much of anything) it leaves to V8.
 *
 *     kind  value     kinds below; lengths and counts are one byte, or four (u32 LE) where it says long
 *
 * V8's own messages begin with 0xFF and framed ones with 0x20, so the first byte tells which is which.
 */
export const Kind = {
  Undefined: 1,
  Null: 2,
  True: 3,
  False: 4,
  Double: 5,
  /** A whole message: the rest of it, one byte per character. */
  Text: 6,
  Buffer: 7,
  Bytes: 8,
  /** A whole message that is a plain object or array. */
  Plain: 9,
  Int32: 10,
  ShortText: 11,
  LongText: 12,
  /** Two bytes per code unit; long. */
  WideText: 13,
  Array: 14,
  Object: 15,
  /** A whole message that is an array of numbers: the rest of it, four bytes each (i32 LE) or eight (f64 LE). */
  Int32s: 16,
  Doubles: 17,
  /** A whole message: Bytes, which begin after fifteen more bytes. */
  AlignedBytes: 18,
  /** A whole message that is an array of undefined, null and booleans: the rest of it, the kind of each. */
  Oddballs: 19,
} as const;

/** So deep an object or array stands in others, at most. */
export const MOST_DEPTH = 8;
/** Up to here a loop over the characters of a text is faster than a call out of JavaScript. */
export const SHORT_TEXT = 24;
