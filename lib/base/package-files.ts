/** Where the package's own files are: its addon, and the programs that spawned children run. */
import { existsSync } from 'node:fs';
import path from 'node:path';

export interface PackageFiles {
  /** The folder of package.json. */
  readonly root: string;
  /** Named for whoever copies a program's files, as @vercel/nft: the addon is found by `root`. */
  readonly prebuilds: string;
  /** The program of a spawned child. */
  readonly child: string;
  /** What a spawned worker of a pool is told to call. */
  readonly poolWorker: string;
}

/** All of lib/ is built into this file. Elsewhere it is part of a bundle, or runs as it was written (in tests). */
const LIBRARY = 'library.js';

let found: { files: PackageFiles | undefined } | undefined;

/** Undefined where this code has been bundled into another package. */
export function packageFiles(): PackageFiles | undefined {
  found ??= { files: find() };
  return found.files;
}

function find(): PackageFiles | undefined {
  // In an ES module there is no such name, and a bundler may have put anything in its place.
  if (typeof __filename !== 'string' || typeof __dirname !== 'string') return undefined;
  if (path.extname(__filename) === '.ts') return filesIn(folderByName());
  if (path.basename(__filename) !== LIBRARY) return undefined;
  // As texts, which such tools can follow.
  const files = {
    root: `${__dirname}/..`,
    prebuilds: `${__dirname}/../prebuilds`,
    child: `${__dirname}/entry/child.js`,
    poolWorker: `${__dirname}/entry/pool-worker.js`,
  };
  return existsSync(files.child) ? files : undefined;
}

/** By the package's own name. @throws Error of code MODULE_NOT_FOUND, or a bundler's. */
export function folderByName(): string {
  return path.dirname(require.resolve('node-multiprocessing/package.json'));
}

function filesIn(root: string): PackageFiles {
  const inDist = (...names: string[]): string => path.join(root, 'dist', ...names);
  return {
    root,
    prebuilds: path.join(root, 'prebuilds'),
    child: inDist('entry', 'child.js'),
    poolWorker: inDist('entry', 'pool-worker.js'),
  };
}
