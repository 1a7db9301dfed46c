// npm run test:nodes: the core suite on every supported Node line, with the one binary that was built here. The other
// Node binaries come from npm, into a folder that git ignores.
//   node scripts/test-nodes.mjs [--skip-current] [path …]
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { inRoot, root } from './build/paths.mjs';

const VERSIONS = {
  'linux-x64': ['22.23.3', '24.21.0', '26.10.0'],
  'linux-arm64': ['22.23.3', '24.22.0', '26.12.0'],
  'win-x64': ['22.23.3', '24.21.0', '26.10.0'],
  'darwin-x64': ['22.23.3', '24.18.1', '26.10.0'],
};
const CORE = ['test/feature', 'test/conformance', 'test/exit'];

const platform = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const versions = VERSIONS[platform];
if (!versions)
  throw new Error(`npm has no Node binaries for ${platform}; run npm test under each Node instead`);

const paths = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const suite = paths.length > 0 ? paths : CORE.filter((folder) => existsSync(inRoot(folder)));
const current = process.argv.includes('--skip-current') ? [] : [process.execPath];

let failed = 0;
for (const node of [...current, ...versions.map(installNode)]) {
  if (!runSuite(node)) failed += 1;
}
if (failed > 0) console.error(`the core suite failed on ${failed} Node versions`);
process.exitCode = failed === 0 ? 0 : 1;

function installNode(version) {
  const name = `node-${platform}`;
  const prefix = inRoot('.cache', 'nodes', version);
  const binary = path.join(
    prefix,
    'node_modules',
    name,
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  );
  if (existsSync(binary)) return binary;
  mkdirSync(prefix, { recursive: true });
  const args = [
    'install',
    '--prefix',
    prefix,
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const { status } = spawnSync('npm', [...args, `${name}@${version}`], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0 || !existsSync(binary)) throw new Error(`could not install ${name}@${version}`);
  return binary;
}

function runSuite(node) {
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.log(`== core suite on Node ${version}`);
  const vitest = inRoot('node_modules', 'vitest', 'vitest.mjs');
  return spawnSync(node, [vitest, 'run', ...suite], { cwd: root, stdio: 'inherit' }).status === 0;
}
