import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chart } from './chart.mjs';
import { withFigures } from './markdown.mjs';

const docs = path.join(import.meta.dirname, '..', 'docs');

/** Figures of some cases, or of a quick look, are not what the page says they are. */
export function isWhole({ only, quick, newest }) {
  return only === '' && !quick && !newest;
}

/** Puts what a bench has measured into performance.md, between its marks; the figures and a chart in two colour schemes beside it. */
export function writePage(report, folder = docs) {
  const page = path.join(folder, 'performance.md');
  writeFileSync(page, withFigures(readFileSync(page, 'utf8'), report));
  writeFileSync(path.join(folder, 'performance.json'), `${JSON.stringify(report, undefined, 2)}\n`);
  for (const scheme of ['light', 'dark'])
    writeFileSync(path.join(folder, `performance-${scheme}.svg`), chart(report, scheme));
}
