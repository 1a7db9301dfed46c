// clang-format over every C++ file: checks, or with --write rewrites. Part of npm run format and format:check.
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { inRoot, root } from './build/paths.mjs';

const { clangFormatPath } = createRequire(import.meta.url)('clang-format-node');

const files = ['native', 'test/native'].flatMap((folder) =>
  readdirSync(inRoot(folder), { recursive: true })
    .filter((name) => /\.(cc|h)$/.test(name))
    .map((name) => inRoot(folder, name)),
);
// The package marks its binary as a program in an install script, which may not have run.
chmodSync(clangFormatPath, 0o755);
const mode = process.argv.includes('--write') ? ['-i'] : ['--dry-run', '--Werror'];
const { status, error } = spawnSync(clangFormatPath, [...mode, '--style=file', ...files], {
  cwd: root,
  stdio: 'inherit',
});
if (error) throw error;
process.exitCode = status ?? 1;
