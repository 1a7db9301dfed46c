/** Whether a fresh Node can run a child here. */
import { packageFiles, type PackageFiles } from '../../base/package-files.js';
import { NotSupportedError } from '../../errors.js';

/** Set by tools that put Node and a program into one file, before Node had its own. */
const PACKED_BY: readonly [key: string, tool: string][] = [
  ['pkg', 'pkg'],
  ['__nexe', 'nexe'],
];

/** Why nothing can be spawned here, or undefined. */
export function spawnUnavailable(): string | undefined {
  const runtime = ['bun', 'deno'].find((name) => process.versions[name] !== undefined);
  if (runtime !== undefined) return `this is ${runtime}, which lacks parts of Node that it needs`;
  const packed = packedBy();
  if (packed !== undefined)
    return `this program is one file with Node in it (${packed}), which would start itself instead of a child`;
  if (packageFiles() === undefined)
    return 'node-multiprocessing is part of a bundle here, and a spawned child runs files of the package: mark it as external for the bundler';
  return undefined;
}

function packedBy(): string | undefined {
  if (process.getBuiltinModule('node:sea').isSea()) return 'a single executable application';
  return PACKED_BY.find(([key]) => key in process)?.[1];
}

/** @throws NotSupportedError where nothing can be spawned. */
export function filesToSpawn(): PackageFiles {
  const files = packageFiles();
  const reason = spawnUnavailable();
  if (files === undefined || reason !== undefined)
    throw new NotSupportedError(`nothing can be spawned here: ${reason ?? 'files are missing'}`);
  return files;
}
