// npm run bench:report [-- --json file]
//
// Puts what a bench has measured into docs/performance.md, between its marks, with a chart in two colour schemes beside it.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chart } from './chart.mjs';
import { withFigures } from './markdown.mjs';

const root = path.join(import.meta.dirname, '..');
const { values: options } = parseArgs({
  options: { json: { type: 'string', default: path.join(root, 'build', 'bench.json') } },
});

const report = JSON.parse(readFileSync(options.json, 'utf8'));
const page = path.join(root, 'docs', 'performance.md');
writeFileSync(page, withFigures(readFileSync(page, 'utf8'), report));
writeFileSync(
  path.join(root, 'docs', 'performance.json'),
  `${JSON.stringify(report, undefined, 2)}\n`,
);
for (const scheme of ['light', 'dark']) {
  writeFileSync(path.join(root, 'docs', `performance-${scheme}.svg`), chart(report, scheme));
}
console.log('written to docs/performance.md and beside it');
