// npm run test:nodes: the core suite on every supported Node line, with the one binary that was built here. The other
// Node binaries come from npm, into a folder that git ignores.
//   node scripts/test-nodes.mjs [--skip-current] [--short] [path …]
// `--short`: what depends most on the version of V8. The native backend on the newest version, forked children alone on those
// between; the fallback rests on node:child_process, and a spawned child is a plain Node program.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { otherNodes } from './build/nodes.mjs';
import { inRoot, root } from './build/paths.mjs';

const CORE = ['test/feature', 'test/conformance', 'test/exit'];

const paths = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const suite = paths.length > 0 ? paths : CORE.filter((folder) => existsSync(inRoot(folder)));
const current = process.argv.includes('--skip-current') ? [] : [process.execPath];

const nodes = [...current, ...otherNodes()];
const short = process.argv.includes('--short');

let failed = 0;
for (const [index, node] of nodes.entries()) {
  if (!runSuite(node, short ? narrowed(index === nodes.length - 1) : {})) failed += 1;
}
if (failed > 0) console.error(`the core suite failed on ${failed} Node versions`);
process.exitCode = failed === 0 ? 0 : 1;

function narrowed(newest) {
  const native = { MULTIPROCESSING_BACKEND: 'native' };
  return newest ? native : { ...native, MP_TEST_METHOD: 'fork' };
}

function runSuite(node, narrow) {
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.log(`== core suite on Node ${version} ${Object.values(narrow).join(', ')}`);
  const vitest = inRoot('node_modules', 'vitest', 'vitest.mjs');
  const options = { cwd: root, stdio: 'inherit', env: { ...process.env, ...narrow } };
  return spawnSync(node, [vitest, 'run', ...suite], options).status === 0;
}
