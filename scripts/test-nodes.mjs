// npm run test:nodes: the core suite on every supported Node line, with the one binary that was built here. The other
// Node binaries come from npm, into a folder that git ignores.
//   node scripts/test-nodes.mjs [--skip-current] [--short] [path …]
// `--short`: what depends most on the version of V8, which is forked children, without CPython's tests; on the versions between only
// those tests that are about them, and not about what they do. The fallback rests on node:child_process, and a spawned child is a plain Node program.
import { spawnSync } from 'node:child_process';
import { otherNodes } from './build/nodes.mjs';
import { inRoot, root } from './build/paths.mjs';

const OURS = ['test/feature', 'test/exit'];
const CORE = [...OURS, 'test/conformance'];
const FORKS = ['fork', 'process', 'pool-deaths', 'worker', 'sync-signals', 'pipe-given'];
const ABOUT_FORKS = ['test/exit', ...FORKS.map((name) => `test/feature/${name}`)];

const paths = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const current = process.argv.includes('--skip-current') ? [] : [process.execPath];

const nodes = [...current, ...otherNodes()];
const short = process.argv.includes('--short');

let failed = 0;
for (const [index, node] of nodes.entries()) {
  const between = short && index < nodes.length - 1;
  const narrow = short ? { MULTIPROCESSING_BACKEND: 'native', MP_TEST_METHOD: 'fork' } : {};
  if (!runSuite(node, between ? ABOUT_FORKS : short ? OURS : CORE, narrow)) failed += 1;
}
if (failed > 0) console.error(`the core suite failed on ${failed} Node versions`);
process.exitCode = failed === 0 ? 0 : 1;

function runSuite(node, folders, narrow) {
  const suite = paths.length > 0 ? paths : folders;
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.log(`== core suite on Node ${version} ${Object.values(narrow).join(', ')}`);
  const vitest = inRoot('node_modules', 'vitest', 'vitest.mjs');
  const options = { cwd: root, stdio: 'inherit', env: { ...process.env, ...narrow } };
  return spawnSync(node, [vitest, 'run', ...suite], options).status === 0;
}
