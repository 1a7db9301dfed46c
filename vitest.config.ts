import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{unit,feature,conformance,exit,docs}/**/*.test.ts'],
    typecheck: {
      include: ['test/types/**/*.test-d.ts'],
      tsconfig: 'test/tsconfig.json',
    },
    setupFiles: ['test/support/leaks.ts'],
    // Children and forks need a process of their own; a failure is never retried.
    pool: 'forks',
    maxWorkers: 2,
    retry: 0,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    // The package is tested as users get it: the built files, loaded by Node and not by the test runner.
    server: { deps: { external: [/\/(dist|examples)\//] } },
  },
});
