// Runs once in the test runner's main process: the run's own temporary folder, the watch over blocked workers, and the
// check that the whole run left no file and no name behind.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestProject } from 'vitest/node';
import { abandonedNames } from './leaks.js';
import { watchHeartbeats } from './watchdog.js';

export function setup(project: TestProject): () => Promise<void> {
  const temporary = project.config.env.TMPDIR as string;
  const startedAt = Date.now();
  mkdirSync(temporary, { recursive: true });
  const stopWatching = watchHeartbeats(path.join(temporary, '..', 'heartbeats'));
  return async () => {
    stopWatching();
    const found = await findLeftovers(temporary, startedAt);
    rmSync(path.dirname(temporary), { recursive: true, force: true });
    if (found.length === 0) return;
    // An error thrown here would be printed, yet the run would still count as passed.
    console.error(`FAIL: the test run left behind:\n${found.join('\n')}`);
    process.exitCode = 1;
  };
}

async function findLeftovers(temporary: string, startedAt: number): Promise<string[]> {
  const names = new Set(abandonedNames(startedAt));
  if (names.size > 0) await sleep(1_000);
  // Another run on this machine may have been between making and opening a name: only what stays counts.
  const abandoned = abandonedNames(startedAt).filter((name) => names.has(name));
  return [
    ...abandoned.map((name) => `  /dev/shm/${name}`),
    ...readdirSync(temporary).map((name) => `  temporary file ${name}`),
  ];
}
