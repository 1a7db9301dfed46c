// Node binaries of the other supported lines, from npm, in a folder that git ignores.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { inRoot } from './paths.mjs';

const VERSIONS = {
  'linux-x64': ['22.23.3', '24.21.0', '26.10.0'],
  'linux-arm64': ['22.23.3', '24.22.0', '26.12.0'],
  'win-x64': ['22.23.3', '24.21.0', '26.10.0'],
  'darwin-x64': ['22.23.3', '24.18.1', '26.10.0'],
};

const platform = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;

/** The binaries, oldest line first; installs what is missing. */
export function otherNodes() {
  const versions = VERSIONS[platform];
  if (!versions)
    throw new Error(
      `npm has no Node binaries for ${platform}; run npm test under each Node instead`,
    );
  return versions.map(installNode);
}

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
