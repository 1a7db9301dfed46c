// What /proc tells about processes that a test started, directly or not. Elsewhere than on Linux these find nothing.
import { readFileSync, readdirSync } from 'node:fs';

/** Set in the environment of everything one test file starts, and of everything one program starts. */
export const FILE_MARKER = 'MP_TEST_FILE';
export const PROGRAM_MARKER = 'MP_TEST_ID';

export function findByMarker(marker: string, value: string): number[] {
  const entry = `${marker}=${value}`;
  return allPids().filter(
    (pid) => pid !== process.pid && read(`/proc/${pid}/environ`).split('\0').includes(entry),
  );
}

/** Children of this process; `zombie` ones have ended and nobody has waited for them. */
export function ownChildren(): { pid: number; zombie: boolean }[] {
  return allPids().flatMap((pid) => {
    const { state, ppid } = readStat(pid);
    return ppid === process.pid ? [{ pid, zombie: state === 'Z' }] : [];
  });
}

/** One line per process and one per thread: what it is and where in the kernel it sleeps. */
export function describeProcesses(pids: readonly number[]): string {
  return pids.map(describeProcess).join('\n');
}

function describeProcess(pid: number): string {
  const { state, ppid } = readStat(pid);
  const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim().slice(0, 300);
  const threads = list(`/proc/${pid}/task`).map((tid) => {
    const [comm, wchan, syscall] = ['comm', 'wchan', 'syscall'].map((name) =>
      read(`/proc/${pid}/task/${tid}/${name}`).trim(),
    );
    return `    ${tid} ${comm} wchan=${wchan} syscall=${syscall}`;
  });
  return [`  pid ${pid} ppid ${ppid} state ${state}: ${command}`, ...threads].join('\n');
}

function readStat(pid: number): { state: string; ppid: number } {
  const stat = read(`/proc/${pid}/stat`);
  const [state = '?', ppid = '0'] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state, ppid: Number(ppid) };
}

function allPids(): number[] {
  return list('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid > 0);
}

// A process may end between listing and reading: then there is nothing to tell about it.
function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
