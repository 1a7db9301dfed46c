// npm run test:nodes: the core suite on every supported Node line, with the one binary that was built here. The other
// Node binaries come from npm, into a folder that git ignores.
//   node scripts/test-nodes.mjs [--skip-current] [--fallback-on-newest] [path …]
// The fallback rests on node:child_process alone: `--fallback-on-newest` tests it on the last version and not on those between.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { otherNodes } from './build/nodes.mjs';
import { inRoot, root } from './build/paths.mjs';

const CORE = ['test/feature', 'test/conformance', 'test/exit'];

const paths = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const suite = paths.length > 0 ? paths : CORE.filter((folder) => existsSync(inRoot(folder)));
const current = process.argv.includes('--skip-current') ? [] : [process.execPath];

const nodes = [...current, ...otherNodes()];
const nativeAlone = process.argv.includes('--fallback-on-newest') ? nodes.slice(0, -1) : [];

let failed = 0;
for (const node of nodes) {
  if (!runSuite(node)) failed += 1;
}
if (failed > 0) console.error(`the core suite failed on ${failed} Node versions`);
process.exitCode = failed === 0 ? 0 : 1;

function runSuite(node) {
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.log(`== core suite on Node ${version}`);
  const vitest = inRoot('node_modules', 'vitest', 'vitest.mjs');
  const env = nativeAlone.includes(node)
    ? { ...process.env, MULTIPROCESSING_BACKEND: 'native' }
    : process.env;
  const options = { cwd: root, stdio: 'inherit', env };
  return spawnSync(node, [vitest, 'run', ...suite], options).status === 0;
}
