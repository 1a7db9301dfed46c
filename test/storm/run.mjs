// The storms: `npm run test:storm` runs the long form on every Node version, `--short` a short one on this Node.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { otherNodes } from '../../scripts/build/nodes.mjs';

const short = process.argv.includes('--short');
const forks = short ? 160 : 2000;
const nodes = short ? [process.execPath] : [process.execPath, ...otherNodes()];

let passed = 0;
let failed = 0;
for (const node of nodes) {
  const program = fileURLToPath(new URL('fork-storm.cjs', import.meta.url));
  const { status, signal } = spawnSync(node, [program, String(forks)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status === 0) passed++;
  else {
    failed++;
    console.log(`${node}: fork storm ended with ${signal ?? status}`);
  }
}
console.log(`storm: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
