// npm run test:native: the native code without Node, under AddressSanitizer + UBSan and again under ThreadSanitizer.
//   node scripts/test-native.mjs [address,undefined] [thread] [none]
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import { buildNativeTests } from './build/native-tests.mjs';
import { root } from './build/paths.mjs';

const SANITIZERS =
  process.argv.length > 2 ? process.argv.slice(2) : ['address,undefined', 'thread'];
const ENVIRONMENT = {
  ASAN_OPTIONS: 'detect_leaks=1:strict_string_checks=1',
  UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
  TSAN_OPTIONS: 'halt_on_error=1:second_deadlock_stack=1',
};

let passed = 0;
let failed = 0;
for (const sanitizer of SANITIZERS) {
  count(runTests(buildNativeTests(sanitizer), sanitizer));
}
console.log(`native tests: ${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function runTests(folder, sanitizer) {
  console.log(`== native tests, sanitizer ${sanitizer}`);
  const command = ['ctest', '--test-dir', folder, '--output-on-failure', '--verbose'];
  command.push('--parallel', String(os.availableParallelism()));
  if (sanitizer === 'thread' && canFixAddresses())
    command.unshift('setarch', '--addr-no-randomize');
  const { stdout } = spawnSync(command[0], command.slice(1), {
    cwd: root,
    env: { ...process.env, ...ENVIRONMENT },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.stdout.write(stdout);
  return stdout;
}

/** ThreadSanitizer needs its own address ranges free; where addresses can be fixed, they always are. */
function canFixAddresses() {
  return spawnSync('setarch', ['--addr-no-randomize', 'true']).status === 0;
}

/** Each program ends with its own count; one that fails without a count, by a signal or a sanitizer, is one failure. */
function count(output) {
  let failedCases = 0;
  for (const [, good, bad] of output.matchAll(/^\d+: (\d+) passed, (\d+) failed$/gm)) {
    passed += Number(good);
    failedCases += Number(bad);
  }
  const failedPrograms = Number(/(\d+) tests? failed out of/.exec(output)?.[1] ?? 0);
  failed += Math.max(failedCases, failedPrograms);
}
