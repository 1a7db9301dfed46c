import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inRoot } from './paths.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM'];

/** One build of this checkout at a time: a test run and a build started side by side must not write the same files. */
export async function withBuildLock(body, file = inRoot('.cache', 'build.lock')) {
  mkdirSync(path.dirname(file), { recursive: true });
  const mine = describe(process.pid);
  let told;
  while (!tryLock(file, mine)) {
    const holder = read(file);
    if (holder === undefined) continue; // Let go of meanwhile.
    if (!isAlive(holder)) removeStale(file, holder);
    else {
      if (told !== holder)
        console.error(`waits for the build of process ${holder.split(' ')[0]} (${file})`);
      told = holder;
      await sleep(200);
    }
  }
  const release = () => {
    if (read(file) === mine) rmSync(file, { force: true });
  };
  const onSignal = (signal) => {
    release();
    process.kill(process.pid, signal); // The listener is gone: this time it ends the process.
  };
  process.once('exit', release);
  for (const signal of SIGNALS) process.once(signal, onSignal);
  try {
    return await body();
  } finally {
    process.off('exit', release);
    for (const signal of SIGNALS) process.off(signal, onSignal);
    release();
  }
}

/** The file is whole before it has the lock's name. */
function tryLock(file, mine) {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, mine);
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Another one may have done so meanwhile, and have the lock: then it gets it back. */
function removeStale(file, stale) {
  const aside = `${file}.${process.pid}.stale`;
  try {
    renameSync(file, aside);
    if (read(aside) !== stale) linkSync(aside, file);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  }
}

/** What is empty or damaged is of nobody: a lock is never seen half written. */
function isAlive(holder) {
  const pid = Number(/^[1-9]\d*(?= |$)/.exec(holder)?.[0]);
  if (Number.isNaN(pid) || describe(pid) !== holder) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Its id and, where /proc tells, its start: an id is used again. A zombie has none. */
function describe(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? '' : `${pid} ${fields[18]}`;
  } catch {
    return String(pid);
  }
}
