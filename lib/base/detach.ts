/** The memory of an array, which is nobody else's, in another one; the first has none any more. */
export function detach(buffer: ArrayBuffer): ArrayBuffer {
  return structuredClone(buffer, { transfer: [buffer] });
}

/** The same for nobody: whoever has seen the bytes sees them no more. Nothing where somebody has transferred them away already. */
export function drop(buffer: ArrayBuffer): void {
  if (buffer.byteLength > 0) detach(buffer);
}
