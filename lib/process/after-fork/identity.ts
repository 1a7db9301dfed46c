/** Who a forked child is: its own process number, its own randomness, its own way out. Both kinds of fork need all of it. */
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import { inspect } from 'node:util';
import { nodeInternals } from './internals.js';

/** What is changed. A rehearsal changes a stand-in instead. */
interface IdentityParts {
  readonly process: Pick<NodeJS.Process, 'pid' | 'exitCode' | 'emit' | 'on'>;
  readonly math: Pick<Math, 'random'>;
  readonly randomPools: readonly Uint8Array[];
  /** Comes before the end of the process. */
  readonly finish?: (() => void) | undefined;
}

/** Read by Node when the program starts, and never again. */
const isCovered = process.env['NODE_V8_COVERAGE'] !== undefined;

/** Node writes what was run (for c8 and the like) in its own end, which a forked child does not have. */
function writeCoverage(): void {
  process.getBuiltinModule('node:v8').takeCoverage();
}

/** process.pid is a plain property, set when the program started; ppid is asked for each time and needs nothing. */
function ownPid(target: object, pid: number): void {
  Object.defineProperty(target, 'pid', {
    value: pid,
    writable: false,
    enumerable: true,
    configurable: true,
  });
}

/** What was cached before the fork would come out of every sibling. OpenSSL itself notices the new process number. */
function ownRandomness(parts: IdentityParts, system: SystemCalls): void {
  for (const pool of parts.randomPools) system.fillRandom(pool);
  const seed = new Uint32Array(4);
  system.fillRandom(seed);
  parts.math.random = createRandom(seed);
}

/**
 * Math.random's state is V8's and cannot be set, so the child gets a generator of its own: xorshift128+, V8's own algorithm
 * (Vigna, "Further scramblings of Marsaglia's xorshift generators"), in 32-bit halves, seeded by the system.
 */
function createRandom(state: Uint32Array): () => number {
  state[0]! |= 1; // the all-zero state would stay zero
  return function random(): number {
    let low1 = state[0]!;
    let high1 = state[1]!;
    const low0 = state[2]!;
    const high0 = state[3]!;
    state[0] = low0;
    state[1] = high0;
    // s1 ^= s1 << 23
    high1 ^= (high1 << 23) | (low1 >>> 9);
    low1 ^= low1 << 23;
    // s1 ^= s1 >> 17; s1 ^= s0; s1 ^= s0 >> 26
    const shiftedLow = (low1 >>> 17) | (high1 << 15);
    const shiftedHigh = high1 >>> 17;
    low1 ^= shiftedLow ^ low0 ^ ((low0 >>> 26) | (high0 << 6));
    high1 ^= shiftedHigh ^ high0 ^ (high0 >>> 26);
    state[2] = low1;
    state[3] = high1;
    // The top 52 bits, as V8 does.
    return ((high1 >>> 0) * 0x100000 + (low1 >>> 12)) / 0x10000000000000;
  };
}

/**
 * Node's own end joins threads and runs destructors that belong to the parent, so every way out of a forked child is _exit(2):
 * process.exit(), the natural end of the loop, and an uncaught error.
 */
function ownExit(target: IdentityParts['process'], exitNow: (code: number) => void): void {
  const exitCode = (): number => Number(target.exitCode ?? 0) & 0xff;
  Object.assign(target, {
    reallyExit: (code?: number) => exitNow(Number(code ?? exitCode()) & 0xff),
  });

  // At the natural end Node emits 'exit' and then tears down; the listeners run, the tearing down does not.
  const emit = target.emit.bind(target) as (event: string | symbol, ...args: unknown[]) => boolean;
  target.emit = ((event: string | symbol, ...args: unknown[]): boolean => {
    const handled = emit(event, ...args);
    if (event === 'exit') exitNow(exitCode());
    return handled;
  }) as typeof target.emit;

  target.on('uncaughtExceptionMonitor', (error) => {
    if (
      process.listenerCount('uncaughtException') > 0 ||
      process.hasUncaughtExceptionCaptureCallback()
    )
      return;
    printLastWords(error);
    process.exit(1);
  });
}

/**
 * process.exit() for a forked child, where the end of 'exit' is the end of the process. A program may have replaced
 * process.exit by a function that does not exit, as test runners do.
 */
export function exitForked(target: NodeJS.Process = process): void {
  Object.assign(target, { _exiting: true }); // Node's mark that 'exit' comes only once
  target.emit('exit', Number(target.exitCode ?? 0));
}

/** What a forked child asks of the system without Node's library in between. */
export interface SystemCalls {
  ownPid(): number;
  fillRandom(bytes: ArrayBufferView): void;
  exitNow(code: number): void;
}

/** The parts are those of this process; a rehearsal gives others. */
export function takeIdentity(
  system: SystemCalls,
  parts: IdentityParts = {
    process,
    math: Math,
    randomPools: nodeInternals().randomPools,
    finish: isCovered ? writeCoverage : undefined,
  },
): void {
  ownPid(parts.process, system.ownPid());
  ownRandomness(parts, system);
  ownExit(parts.process, (code) => {
    try {
      parts.finish?.();
    } finally {
      system.exitNow(code);
    }
  });
}

/** As rehearseQuietNode. */
export function rehearseIdentity(system: SystemCalls): void {
  const stand = new EventEmitter() as unknown as IdentityParts['process'];
  const math = { random: Math.random };
  takeIdentity(
    { ...system, exitNow: () => {} },
    { process: stand, math, randomPools: [new Uint8Array(8)] },
  );
  math.random();
  void process.exitCode; // a getter
  stand.emit('exit', 0);
}

/** What ended this process, on stderr, at once. */
export function printLastWords(error: unknown): void {
  try {
    fs.writeSync(2, `Uncaught ${inspect(error)} in forked process ${String(process.pid)}\n`);
  } catch {
    // stderr is closed or full: there is nowhere left to say it, and the exit code says it too.
  }
}
