import { mkdirSync, openSync, readFileSync, rmSync, writeSync, closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inRoot } from './paths.mjs';

const LOCK_FILE = inRoot('.cache', 'build.lock');

/** One build of this checkout at a time: a test run and a build started side by side must not write the same files. */
export async function withBuildLock(body) {
  while (!tryLock()) await sleep(200);
  try {
    return await body();
  } finally {
    rmSync(LOCK_FILE, { force: true });
  }
}

function tryLock() {
  mkdirSync(inRoot('.cache'), { recursive: true });
  try {
    const fd = openSync(LOCK_FILE, 'wx');
    writeSync(fd, String(process.pid));
    closeSync(fd);
    process.once('exit', () => rmSync(LOCK_FILE, { force: true }));
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (!ownerIsAlive()) rmSync(LOCK_FILE, { force: true });
    return false;
  }
}

function ownerIsAlive() {
  try {
    const pid = Number(readFileSync(LOCK_FILE, 'utf8'));
    if (pid) process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
