// A test that blocks its own thread cannot be timed out from inside. The worker leaves a heartbeat; the runner's main
// process, which never blocks, looks for workers whose heart has stopped, says where they hang and kills them.
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { FILE_MARKER, describeProcesses, findByMarker } from './processes.js';

const BEAT_MS = 1_000;
const HANG_MS = 90_000;

/** In the worker: beats until the process ends. Returns the marker value that its descendants carry. */
export function startHeartbeat(folder: string): string {
  const marker = `${process.pid}-${Date.now()}`;
  const file = path.join(folder, `${process.pid}`);
  writeFileSync(file, marker);
  setInterval(() => utimesSync(file, new Date(), new Date()), BEAT_MS).unref();
  process.once('exit', () => rmSync(file, { force: true }));
  return marker;
}

/** In the runner's main process. Returns what ends the watch. */
export function watchHeartbeats(folder: string): () => void {
  mkdirSync(folder, { recursive: true });
  const timer = setInterval(() => {
    for (const name of readdirSync(folder)) checkWorker(folder, name);
  }, BEAT_MS * 5);
  timer.unref();
  return () => clearInterval(timer);
}

function checkWorker(folder: string, name: string): void {
  const file = path.join(folder, name);
  const beat = statSync(file, { throwIfNoEntry: false });
  if (!beat || Date.now() - beat.mtimeMs < HANG_MS) return;
  const pid = Number(name);
  if (!existsSync(`/proc/${pid}`) && process.platform === 'linux') {
    // Its runner ended it without letting it say goodbye.
    rmSync(file, { force: true });
    return;
  }
  const descendants = findByMarker(FILE_MARKER, readFileSync(file, 'utf8'));
  rmSync(file, { force: true });
  console.error(
    `watchdog: test worker ${pid} has been blocked for ${HANG_MS} ms; killing it\n` +
      describeProcesses([pid, ...descendants]),
  );
  for (const victim of [pid, ...descendants]) killQuietly(victim);
}

/** Runs a body that must settle in time; when it does not, tells where the processes of this test hang. */
export async function withWatchdog<T>(timeoutMs: number, body: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const pids = findByMarker(FILE_MARKER, process.env[FILE_MARKER] ?? '');
      reject(new Error(`not settled after ${timeoutMs} ms\n${describeProcesses(pids)}`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([body(), expiry]);
  } finally {
    clearTimeout(timer);
  }
}

export function killQuietly(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already, which is what was wanted.
  }
}
