/** The memory of an array, which is nobody else's, in another one; the first has none any more. */
export function detach(buffer: ArrayBuffer): ArrayBuffer {
  return structuredClone(buffer, { transfer: [buffer] });
}
