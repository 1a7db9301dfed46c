// What the demo does with one file. Exported, so that a worker of any kind finds it by name.
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

/** A longer file is read in pieces, each compressed by itself, as gzip files may be put together. */
const PIECE_BYTES = 64 * 1024 * 1024;

/** `name` comes back with the result. A file that vanishes or may not be read is a result as well. */
export function digest(file, name) {
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    let compressed = 0;
    for (const piece of piecesOf(file)) {
      hash.update(piece);
      bytes += piece.length;
      compressed += gzipSync(piece, { level: 1 }).length;
    }
    return { name, bytes, compressed, hash: hash.digest('hex') };
  } catch (error) {
    return { name, error: error.code ?? error.name };
  }
}

/** No more than its size says: what the kernel makes up (/proc) says 0, and may have no end, or keep its reader waiting. */
export function* piecesOf(file) {
  const fd = openSync(Buffer.from(file, 'latin1'));
  try {
    const { size } = fstatSync(fd);
    const memory = Buffer.allocUnsafe(Math.min(size, PIECE_BYTES));
    for (let at = 0; at < size;) {
      const read = readSync(fd, memory, 0, Math.min(memory.length, size - at), at);
      if (read === 0) return;
      yield memory.subarray(0, read);
      at += read;
    }
  } finally {
    closeSync(fd);
  }
}

export const digestAt = ([root, file]) => digest(path.join(root, file), file);

/** The target of the children whose start is measured. */
export function nothing() {}
