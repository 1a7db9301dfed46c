import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { piecesOf } from './work.mjs';

/**
 * The regular files below a folder, up to a number of bytes; links are not followed. What cannot be listed or looked at is
 * counted and passed by. All names have one character for each byte, as a name is any bytes on Linux, and not always UTF-8.
 */
export async function findFiles(root, limit) {
  const found = { files: [], bytes: 0, skipped: [], more: false };
  const folders = [''];
  for (let folder; (folder = folders.shift()) !== undefined;) {
    let entries;
    try {
      entries = await readdir(bytesOf(root, folder), { encoding: 'latin1', withFileTypes: true });
    } catch (error) {
      if (folder === '') fail(root, error);
      found.skipped.push({ name: folder, error: error.code });
      continue;
    }
    for (const entry of entries) {
      const name = path.join(folder, entry.name);
      if (entry.isDirectory()) folders.push(name);
      else if (entry.isFile()) await add(found, root, name, limit);
    }
  }
  return found;
}

async function add(found, root, name, limit) {
  try {
    const { size } = await lstat(bytesOf(root, name));
    if (found.bytes + size > limit) {
      found.more = true;
      return;
    }
    found.files.push(name);
    found.bytes += size;
  } catch (error) {
    found.skipped.push({ name, error: error.code });
  }
}

const bytesOf = (root, name) => Buffer.from(path.join(root, name), 'latin1');

/** Brings the files into the system's cache. */
export function readOnce(root, files) {
  for (const file of files) {
    try {
      Array.from(piecesOf(path.join(root, file)), () => 0);
    } catch {
      // The run itself counts it.
    }
  }
}

function fail(root, error) {
  console.error(`cannot read the folder ${Buffer.from(root, 'latin1')}: ${error.code}`);
  process.exit(1);
}
