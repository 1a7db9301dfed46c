// npm run bench: USAGE below says how.
//
// Every case × subject runs in a fresh process of its own, the subjects of a case taking turns, so that a busy moment of the
// machine hits all of them. Prints a table per case and writes everything to a JSON file; a whole run, neither quick nor of some
// cases only, into docs/performance.md too.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { otherNodes } from '../scripts/build/nodes.mjs';
import { cases } from './cases/index.mjs';
import { describeMachine } from './machine.mjs';
import { readOptions } from './options.mjs';
import { isWhole, writePage } from './page.mjs';
import { runSubject } from './run-subject.mjs';
import { statistics } from './statistics.mjs';
import { printCase } from './table.mjs';

const USAGE = `npm run bench [-- OPTIONS]

  --only TEXT  the cases that have it in their names
  --quick      measures once and less, in some minutes; the full form takes a quarter of an hour
  --newest     what passes messages and starts processes, on the newest Node that there is a binary of (npm run test:nodes);
               the full form does that in the end
  --json FILE  where the figures go: build/bench.json by default
  --help       this text`;

const options = readOptions(
  {
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    newest: { type: 'boolean', default: false },
    json: { type: 'string', default: path.join(import.meta.dirname, '..', 'build', 'bench.json') },
  },
  USAGE,
);

const TURNS = options.quick ? 1 : 3;
const machine = describeMachine();
console.log(
  Object.entries(machine)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n'),
);

const wanted = cases.filter(({ name }) => name.includes(options.only));
const measured = options.newest ? [] : await measureCases(wanted, process.execPath);
const newest = options.newest || isWhole(options) ? await measureOnNewest() : undefined;
if (measured.length === 0 && !newest?.cases.length) {
  console.error(`no case has ${JSON.stringify(options.only)} in its name`);
  process.exit(1);
}

mkdirSync(path.dirname(options.json), { recursive: true });
const date = new Date().toISOString();
const report = { date, quick: options.quick, machine, cases: measured, newest };
writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
console.log(`\nwritten to ${path.relative(process.cwd(), options.json)}`);
if (isWhole(options)) {
  writePage(report);
  console.log('and to docs/performance.md');
}

/** Rivals of Node's own differ most from one version to the next where messages are passed. */
async function measureOnNewest() {
  const node = newestNode();
  if (node === undefined) return undefined;
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.log(`\non Node ${version}`);
  const asked = wanted.filter(({ onNewest }) => onNewest === true);
  return { node: version, cases: await measureCases(asked, node) };
}

/** Undefined, with the reason told, where there is none to be had: what was measured before is not lost by that. */
function newestNode() {
  try {
    return otherNodes().at(-1);
  } catch (error) {
    console.error(`\nnot measured on the newest Node: ${error.message}`);
    return undefined;
  }
}

async function measureCases(chosen, node) {
  const done = [];
  for (const each of chosen) {
    const { name, title, unit, bytes } = each;
    const startedAt = performance.now();
    const results = await measureCase(each, node);
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    printCase({ title, unit, results, seconds });
    done.push({ name, title, unit, bytes, seconds, results });
  }
  return done;
}

async function measureCase({ subjects, sizes, prepare }, node) {
  const prepared = prepare?.();
  try {
    const size = { ...(options.quick ? sizes.quick : sizes.full), ...prepared?.size };
    return await measureSubjects(subjects, size, node);
  } finally {
    prepared?.discard();
  }
}

async function measureSubjects(subjects, size, node) {
  const results = subjects.map((subject) => ({
    title: subject.title,
    group: groupOf(subject),
    samples: [],
    missing: undefined,
  }));
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [index, subject] of subjects.entries()) {
      const result = results[index];
      if (result.missing !== undefined) continue;
      const { samples, missing } = await runSubject(subject, size, node);
      if (missing !== undefined) result.missing = missing;
      else result.samples.push(...samples);
    }
  }
  return results.map(({ title, group, samples, missing }) =>
    missing === undefined ? { title, group, ...statistics(samples) } : { title, group, missing },
  );
}

/** As the chart has them. */
function groupOf({ kind, file }) {
  if (file === 'one-process') return 'one process';
  if (kind === 'floor' || file.includes('floor')) return 'floor, in C';
  if (kind === 'python') return 'CPython';
  if (file.startsWith('ours')) return 'ours';
  return ['piscina', 'tinypool', 'workerpool'].includes(file) ? 'other pools' : 'Node.js';
}
