// npm run demo -- --help says how it is used.
//
// Hashes and compresses the files of a folder, first in this process alone, then with a pool of processes, and measures what
// it costs to start a process here and now.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import cliProgress from 'cli-progress';
import { Pool, cpuCount, getStartMethod } from 'node-multiprocessing';
import { combine, summarize } from './demo/results.mjs';
import { measureStarts } from './demo/start-up.mjs';
import { megabytes, milliseconds, printTable, seconds } from './demo/table.mjs';
import { findFiles, readOnce } from './demo/walk.mjs';
import { digest, digestAt } from './demo/work.mjs';

const FILES_PER_TASK = 8;

const USAGE = `npm run demo -- [options] [folder]

Hashes and compresses the files of a folder (default: node_modules of this package), in one process and in several, and
measures what it costs to start a process.

  --limit MB      reads no more than this of the folder (default: 200)
  --processes N   how many processes work (default: one for each CPU, here ${cpuCount()})
  --help          prints this
`;

const { root, limit, processes } = readArguments();
const method = getStartMethod();
console.log(
  `node ${process.version}, ${cpuCount()} CPUs, start method ${method}, folder ${Buffer.from(root, 'latin1')}`,
);

const { files, skipped, more } = await findFiles(root, limit);
if (more)
  console.log(`the folder holds more than ${megabytes(limit)}: the rest is left out (see --limit)`);
if (files.length === 0) console.log('no readable files here');
// The first reading is from the disk; without this it would be charged to whoever comes first.
readOnce(root, files);

const alone = await measure('one process', files, async function* () {
  for (const file of files) yield digestAt([root, file]);
});
const together = await measure(`${processes} processes`, files, runPool);

const summary = summarize(together.results);
if (combine(alone.results) !== combine(together.results)) {
  console.error('the files changed while they were read: the two runs do not agree');
}
printTable('files', [
  ['files', String(summary.files)],
  ['not readable', describeFailures([...skipped, ...summary.failures])],
  ['bytes', megabytes(summary.bytes)],
  [
    'compressed (gzip, level 1)',
    `${megabytes(summary.compressed)} (${percent(summary.compressed, summary.bytes)})`,
  ],
  ['time in one process', seconds(alone.ms)],
  [`time in ${processes} processes, their start included`, seconds(together.ms)],
  ['speed-up', `${(alone.ms / together.ms).toFixed(2)} times`],
]);

const starts = await measureStarts(method);
printTable(
  'start and end of an empty child, median',
  starts.map(({ name, p50, rounds }) => [name, `${milliseconds(p50)}  (${rounds} times)`]),
);

async function* runPool() {
  const pool = new Pool(processes);
  try {
    // Forked workers know what surrounds a function. Elsewhere it travels by its name, and its surroundings as arguments.
    const results =
      method === 'fork'
        ? pool.imapUnordered((file) => digest(path.join(root, file), file), files, {
            chunkSize: FILES_PER_TASK,
          })
        : pool.imapUnordered(
            digestAt,
            files.map((file) => [root, file]),
            { chunkSize: FILES_PER_TASK },
          );
    yield* results;
    pool.close();
  } finally {
    pool.terminate();
    await pool.join();
  }
}

/** Runs it to its end, with a bar on a terminal and a line elsewhere. */
async function measure(title, files, run) {
  const bar = new cliProgress.SingleBar(
    {
      format: `${title.padEnd(12)} {bar} {value}/{total} files, {duration_formatted}`,
      // A demo that is interrupted must not leave the terminal without either.
      hideCursor: false,
      linewrap: true,
    },
    cliProgress.Presets.shades_classic,
  );
  const shown = process.stderr.isTTY === true && files.length > 0;
  if (shown) bar.start(files.length, 0);
  const results = [];
  const startedAt = performance.now();
  for await (const result of run()) {
    results.push(result);
    if (shown) bar.update(results.length);
  }
  const ms = performance.now() - startedAt;
  if (shown) bar.stop();
  else console.log(`${title}: ${results.length} files in ${seconds(ms)}`);
  return { results, ms };
}

function describeFailures(failures) {
  if (failures.length === 0) return '0';
  const codes = new Map();
  for (const { error } of failures) codes.set(error, (codes.get(error) ?? 0) + 1);
  return `${failures.length} (${[...codes].map(([code, count]) => `${code} ${count}`).join(', ')})`;
}

function percent(part, whole) {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(0)} %`;
}

function readArguments() {
  const { values, positionals } = parseOptions();
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  if (positionals.length > 1) fail(`one folder at most, got ${positionals.join(' ')}`);
  const ownModules = fileURLToPath(new URL('../node_modules', import.meta.url));
  return {
    root: Buffer.from(path.resolve(positionals[0] ?? ownModules)).toString('latin1'),
    limit: positive('--limit', values.limit) * 1e6,
    processes:
      values.processes === undefined ? cpuCount() : positive('--processes', values.processes),
  };
}

function parseOptions() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        limit: { type: 'string', default: '200' },
        processes: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return fail(error.message);
  }
}

function positive(name, text) {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  return fail(`${name} must be a whole number above 0, got ${text}`);
}

function fail(message) {
  console.error(`${message}\n\n${USAGE}`);
  process.exit(2);
}
