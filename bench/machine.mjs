import os from 'node:os';
import { Piscina } from 'piscina';
import { pythonVersion } from './tools.mjs';

export function describeMachine() {
  const cpus = os.cpus();
  return {
    cpu: `${cpus[0]?.model.trim() ?? 'unknown'}, ${os.availableParallelism()} usable`,
    system: `${os.type()} ${os.release()} ${os.arch()}, ${(os.totalmem() / 2 ** 30).toFixed(0)} GiB`,
    node: process.version,
    python: pythonVersion(),
    piscina: Piscina.version,
    'load average': os.loadavg()[0].toFixed(2),
  };
}
