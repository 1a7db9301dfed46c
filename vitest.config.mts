import os from 'node:os';
import path from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{unit,feature,conformance,exit,docs}/**/*.test.ts'],
    typecheck: {
      include: ['test/types/**/*.test-d.ts'],
      tsconfig: 'test/types/tsconfig.json',
    },
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/setup-file.ts'],
    // The run's own temporary folder: what is in it at the end was left behind by a test.
    env: { TMPDIR: path.join(os.tmpdir(), `mp-${process.pid}`, 'tmp') },
    // Children and forks need a process of their own; a failure is never retried.
    pool: 'forks',
    execArgv: ['--expose-gc'],
    // One more than a small machine has processors: tests mostly wait for processes that start.
    maxWorkers: 3,
    retry: 0,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    // The package is tested as users get it: the built files, loaded by Node and not by the test runner.
    server: { deps: { external: [/\/(dist|examples)\//] } },
  },
});
