// What the parent has used must work in a forked child, and nothing of the parent may go on there: one program per row of
// the table in docs/fork-safety.md.
import { createRequire } from 'node:module';
import path from 'node:path';
import { expect, it } from 'vitest';
import { describeEach } from '../support/start-methods.js';

const fixtures = path.resolve(import.meta.dirname, '..', 'fixtures', 'fork');
const { rows } = createRequire(import.meta.url)(path.join(fixtures, 'hygiene-rows.cjs')) as {
  rows: Record<string, unknown>;
};

describeEach(
  'after a fork',
  (testCase) => {
    it.each(Object.keys(rows))('%s', async (row) => {
      const result = await testCase.run(
        { file: path.join(fixtures, 'hygiene.cjs') },
        { args: [row], nodeArgs: ['--expose-gc'] },
      );
      expect(
        result.stderr.replaceAll(/^(parent before|child err|Debugger .*|For help.*)\n/gm, ''),
      ).toBe('');
      expect(result).toMatchObject({ code: 0, signal: null });
    });
  },
  ({ method }) => method === 'fork',
);
