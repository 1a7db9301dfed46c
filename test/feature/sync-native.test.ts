// The native backend's shared objects, by their handles: one program per row.
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../support/clean-node.js';
import { cases } from '../support/start-methods.js';

const fixtures = path.resolve(import.meta.dirname, '..', 'fixtures', 'sync');
const file = path.join(fixtures, 'native.cjs');

/** Shared objects are where processes can be forked, for now: Linux. */
const applies = cases.some(({ backend, method }) => backend === 'native' && method === 'fork');

const FILES = {
  objects: 'one process',
  limits: 'limits',
  processes: 'several processes',
  threads: 'several threads',
};

for (const [name, title] of Object.entries(FILES)) {
  describe.runIf(applies)(`Shared objects, ${title}`, () => {
    const rows = `rows-${name}.cjs`;
    it.each(applies ? namesOf(rows) : ['not in this run'])('%s', async (row) => {
      const result = await runProgram(
        { file },
        {
          args: [rows, row],
          nodeArgs: ['--expose-gc'],
          env: { MULTIPROCESSING_BACKEND: 'native', MP_TEST_START_METHOD: 'fork' },
        },
      );
      expect(result.stderr).toBe('');
      expect(result).toMatchObject({ code: 0, signal: null });
    });
  });
}

function namesOf(rows: string): string[] {
  const loaded = createRequire(import.meta.url)(path.join(fixtures, rows)) as {
    rows: Record<string, unknown>;
  };
  return Object.keys(loaded.rows);
}
