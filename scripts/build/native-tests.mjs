// The native code without Node, built by CMake in a folder of its own for each sanitizer.
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import { inRoot, root } from './paths.mjs';

/** `sanitizer`: what `-fsanitize=` takes, or `none`. `targets`: of all programs these. Answers the folder. */
export function buildNativeTests(sanitizer, targets = []) {
  const folder = inRoot('.cache', `native-${sanitizer.replace(',', '-')}`);
  const value = sanitizer === 'none' ? '' : sanitizer;
  const options = [`-DMP_SANITIZE=${value}`, '-DCMAKE_BUILD_TYPE=Debug', '--log-level=WARNING'];
  run('cmake', ['-S', root, '-B', folder, ...options]);
  const only = targets.length > 0 ? ['--target', ...targets] : [];
  run('cmake', ['--build', folder, '--parallel', String(os.availableParallelism()), ...only]);
  return folder;
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error || status !== 0) {
    console.error(`${command} failed: ${error?.message ?? `exit ${status}`}`);
    process.exit(1);
  }
}
