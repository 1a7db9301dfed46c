import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pythonVersion } from './tools.mjs';

export function describeMachine() {
  const cpus = os.cpus();
  return {
    cpu: `${cpus[0]?.model.trim() ?? 'unknown'}, ${os.availableParallelism()} usable`,
    system: `${os.type()} ${os.release()} ${os.arch()}, ${(os.totalmem() / 2 ** 30).toFixed(0)} GiB`,
    node: process.version,
    python: pythonVersion(),
    pools: ['piscina', 'tinypool', 'workerpool'].map(versionOf).join(', '),
    'load average': os.loadavg()[0].toFixed(2),
  };
}

/** Some packages keep their package.json to themselves. */
function versionOf(name) {
  const file = path.join(import.meta.dirname, '..', 'node_modules', name, 'package.json');
  const { version } = JSON.parse(readFileSync(file, 'utf8'));
  return `${name} ${version}`;
}
