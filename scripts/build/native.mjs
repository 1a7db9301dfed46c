import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { inRoot, root } from './paths.mjs';

const require = createRequire(import.meta.url);
const { findNodeDir } = require('../node-headers.cjs');

const ADDON = inRoot('build', 'Release', 'node_multiprocessing.node');
const STAMP = inRoot('build', 'stamp.json');

/** Builds the addon into build/Release, where node-gyp-build looks first. Nothing runs when nothing changed. */
export function buildNative({ force = false } = {}) {
  const wanted = fingerprint();
  const built = force || !existsSync(ADDON) ? undefined : readStamp();
  if (built?.content === wanted.content && built.files === wanted.files) return;
  // A changed list of files needs a new makefile; changed contents are make's own business.
  const steps =
    built?.files === wanted.files ? ['build'] : force ? ['rebuild'] : ['configure', 'build'];
  runNodeGyp([...steps, `--jobs=${os.availableParallelism()}`]);
  mkdirSync(path.dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, JSON.stringify(wanted));
}

export function runNodeGyp(args) {
  const nodeDir = findNodeDir();
  const argv = [require.resolve('node-gyp/bin/node-gyp.js'), ...args, '--loglevel=warn'];
  if (nodeDir) argv.push(`--nodedir=${nodeDir}`);
  const { status, signal } = spawnSync(process.execPath, argv, { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error(`node-gyp ${args.join(' ')} failed (${signal ?? status})`);
}

function fingerprint() {
  const sources = readdirSync(inRoot('native'), { recursive: true })
    .filter((name) => /\.(cc|h|gypi|cjs)$/.test(name))
    .sort();
  const content = createHash('sha256');
  for (const name of sources) content.update(name).update(readFileSync(inRoot('native', name)));
  const files = createHash('sha256').update(
    JSON.stringify([process.version, process.arch, findNodeDir()]),
  );
  files.update(sources.filter((name) => name.endsWith('.cc')).join('\n'));
  for (const name of ['binding.gyp', 'native/addon.gypi', 'native/list-sources.cjs'])
    files.update(readFileSync(inRoot(name)));
  return { content: content.digest('hex'), files: files.digest('hex') };
}

function readStamp() {
  return existsSync(STAMP) ? JSON.parse(readFileSync(STAMP, 'utf8')) : undefined;
}
