import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const FILES_PER_FOLDER = 12;
const words = 'the of and a process memory queue lock pool worker shared ring fork wait wake'.split(
  ' ',
);

/** A tree of texts in a temporary folder, the same at every call. Answers the folder, and `discard`. */
export function makeTree({ files, kibibytes }) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-tree-'));
  const random = generator(20_240_229);
  for (let i = 0; i < files; i++) {
    const place = path.join(folder, `part-${Math.floor(i / FILES_PER_FOLDER)}`);
    mkdirSync(place, { recursive: true });
    writeFileSync(path.join(place, `text-${i}.txt`), text(random, kibibytes * 1024));
  }
  return { size: { folder }, discard: () => rmSync(folder, { recursive: true, force: true }) };
}

/** About as dense as prose: words, and numbers that do not repeat. */
function text(random, length) {
  let written = '';
  while (written.length < length) {
    const word = words[random() % words.length];
    written += random() % 4 === 0 ? `${random()}\n` : `${word} `;
  }
  return written.slice(0, length);
}

/** Numbers of 24 bits, as of "minstd". */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state >> 7;
  };
}
