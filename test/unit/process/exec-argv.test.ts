import { expect, test } from 'vitest';
import { execArgvForChild } from '../../../lib/process/exec-argv.js';

test.each([
  [[], []],
  [
    ['--expose-gc', '--max-old-space-size=200'],
    ['--expose-gc', '--max-old-space-size=200'],
  ],
  [
    ['-r', './hook.cjs', '--import', 'tsx', '--conditions=dev'],
    ['-r', './hook.cjs', '--import', 'tsx', '--conditions=dev'],
  ],
  [['-e', 'code()', '--expose-gc'], ['--expose-gc']],
  [['--eval=code()', '-p', 'more()', '-pe', 'yet()', '--print=x'], []],
  [['--input-type=module', '--input-type', 'module', '-e', '1'], []],
  [
    [
      '--inspect',
      '--inspect-brk=0.0.0.0:9229',
      '--inspect-port',
      '9',
      '--inspect-publish-uid=http',
    ],
    ['--inspect-publish-uid=http'],
  ],
  [['--test', '--test-reporter', 'tap', '--test-only', '--test-name-pattern=a'], []],
  [['--watch', '--watch-path=lib', '--watch-preserve-output'], []],
  [
    ['--stack-trace-limit=50', '--enable-source-maps'],
    ['--stack-trace-limit=50', '--enable-source-maps'],
  ],
])('of %j a child takes %j', (given, expected) => {
  expect(execArgvForChild(given)).toEqual(expected);
});
