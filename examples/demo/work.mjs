// What the demo does with one file. Exported, so that a worker of any kind finds it by name.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

/** `name` comes back with the result. A file that vanishes or may not be read is a result as well. */
export function digest(file, name) {
  try {
    const content = readFileSync(file);
    return {
      name,
      bytes: content.length,
      compressed: gzipSync(content, { level: 1 }).length,
      hash: createHash('sha256').update(content).digest('hex'),
    };
  } catch (error) {
    return { name, error: error.code ?? error.name };
  }
}

export const digestAt = ([root, file]) => digest(path.join(root, file), file);

/** The target of the children whose start is measured. */
export function nothing() {}
