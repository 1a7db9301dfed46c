// npm run bench:report: puts what a bench has measured into docs/performance.md. A whole run does so by itself.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readOptions } from './options.mjs';
import { writePage } from './page.mjs';

const USAGE = `npm run bench:report [-- OPTIONS]

  --json FILE  the figures: build/bench.json by default
  --help       this text`;

const options = readOptions(
  {
    json: { type: 'string', default: path.join(import.meta.dirname, '..', 'build', 'bench.json') },
  },
  USAGE,
);

writePage(JSON.parse(readFileSync(options.json, 'utf8')));
console.log('written to docs/performance.md and beside it');
