// npm run bench:report [-- --json file]
//
// Puts what a bench has measured into docs/performance.md. A whole run does so by itself.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { writePage } from './page.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'string', default: path.join(import.meta.dirname, '..', 'build', 'bench.json') },
  },
});

writePage(JSON.parse(readFileSync(options.json, 'utf8')));
console.log('written to docs/performance.md and beside it');
