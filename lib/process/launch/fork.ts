/** Starts a child by fork(2), at the safe point of the event loop: the child runs what it is given and nothing else of the program. */
import { AsyncResource } from 'node:async_hooks';
import fs from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Child, Forking, StdioTarget } from '../../backend/contract.js';
import { systemError } from '../../backend/system-error.js';
import { ForkUnavailableError, StateError } from '../../errors.js';
import { compilationsInFlight } from '../after-fork/compilations.js';
import { importsInFlight } from '../after-fork/imports.js';
import { attemptFork, prepareToFork, requireForking } from '../after-fork/index.js';
import { rehearseChild } from '../bootstrap.js';
import { flushStdio, keptStdioFds, redirectStdio } from './fork-stdio.js';

export interface ForkRequest {
  readonly stdout: StdioTarget;
  readonly stderr: StdioTarget;
  /**
   * Runs in the child, with an empty stack and in the async context of the caller of `forkChild`. Must not throw. Called once
   * in the parent before, as a rehearsal, where nothing is to come of it.
   */
  readonly inChild: (rehearsal: boolean) => void;
}

/** The first attempts wait briefly for a busy pool, later ones longer: each blocks the event loop while it waits. Milliseconds. */
const FIRST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 500;
/** A pool or thread that never comes to rest is an error after this many milliseconds, not a hang. */
const PATIENCE_MS = 30_000;

interface Stream {
  readonly fd: number;
  readonly readEnd: number | undefined;
}

/** Every child inherits what is open here at its fork, its own and what is opened for siblings: a reader of its own output gets no EPIPE. */
const opened = new Set<number>();

function closeOpened(forking: Forking, fds: Set<number>): void {
  for (const fd of fds) if (fd > 2) forking.closeFd(fd); // Below they are the child's streams by now.
  fds.clear();
}

/** Looked at in the parent: a closed one would end the child without a word. */
function openDescriptor(fd: number): number {
  try {
    fs.fstatSync(fd);
    return fd;
  } catch (error) {
    throw systemError('the child process could not be started', error);
  }
}

/** Opened in the parent, so that a wrong path fails at start(). */
function open(forking: Forking, target: StdioTarget): Stream | undefined {
  if (target === 'inherit') return undefined;
  if (typeof target === 'number') return { fd: openDescriptor(target), readEnd: undefined };
  if (target === 'pipe') {
    const [readEnd, writeEnd] = forking.pipe();
    opened.add(readEnd).add(writeEnd);
    return { fd: writeEnd, readEnd };
  }
  const path = target === 'ignore' ? '/dev/null' : target;
  const fd = forking.openFile(path, 'append');
  opened.add(fd);
  return { fd, readEnd: undefined };
}

function close(forking: Forking, fd: number): void {
  opened.delete(fd);
  forking.closeFd(fd);
}

function closeAfterFork(forking: Forking, target: StdioTarget, stream: Stream | undefined): void {
  if (stream !== undefined && typeof target !== 'number') close(forking, stream.fd);
}

/** Operations that libuv's pool runs out of order (getaddrinfo): one of them in the queue could finish in the child. */
function lookupsInFlight(): boolean {
  return process
    .getActiveResourcesInfo()
    .some((name) => name === 'GetAddrInfoReqWrap' || name === 'GetNameInfoReqWrap');
}

type Attempt = Awaited<ReturnType<typeof attemptFork>>;

function attempt(forking: Forking, waitMs: number): Attempt {
  if (lookupsInFlight())
    return { kind: 'refused', reason: 'a DNS lookup is in the libuv pool', transient: true };
  if (compilationsInFlight())
    return { kind: 'refused', reason: 'V8 is compiling WebAssembly', transient: true };
  if (importsInFlight())
    return { kind: 'refused', reason: 'an import() is under way', transient: true };
  return attemptFork(forking, 'clean', waitMs, keptStdioFds());
}

/**
 * Resolves with the child once it runs; in the child the promise never settles, so no code after it runs there.
 * @throws ForkUnavailableError; a system error.
 */
export async function forkChild(request: ForkRequest): Promise<Child> {
  const forking = requireForking();
  const owner = process.pid;
  prepareToFork(forking);
  rehearse(forking, request.inChild);
  importsInFlight(); // Those that are done are known as such after the wait.
  await flushStdio();
  const context = new AsyncResource('multiprocessing.Process');
  const stdout = open(forking, request.stdout);
  let stderr: Stream | undefined;
  try {
    stderr = open(forking, request.stderr);
    const { inChild } = request;
    const child = await forkAtSafePoint(forking, {
      owner,
      stdout: stdout?.fd,
      stderr: stderr?.fd,
      context,
      inChild,
    });
    return withStreams(child, stdout, stderr);
  } catch (error) {
    for (const stream of [stdout, stderr])
      if (stream?.readEnd !== undefined) close(forking, stream.readEnd);
    throw error;
  } finally {
    closeAfterFork(forking, request.stdout, stdout);
    closeAfterFork(forking, request.stderr, stderr);
  }
}

let rehearsed = false;

/** Once in the parent: what it has compiled, no child compiles again. */
function rehearse(forking: Forking, inChild: ForkRequest['inChild']): void {
  if (rehearsed) return;
  rehearsed = true;
  redirectStdio({ ...forking, redirect: () => {} }, undefined, undefined);
  new AsyncResource('multiprocessing.rehearsal').runInAsyncScope(inChild, undefined, true);
  closeOpened(forking, new Set());
  rehearseChild();
}

/** fork() has come in between, and both sides are here: two children would have what was meant for one. */
function refuseInChild(owner: number): void {
  if (process.pid === owner) return;
  throw new StateError(
    `process ${String(process.pid)} cannot start what its parent ${String(owner)} was about to start when it called fork()`,
  );
}

interface Entrance {
  /** The process that is to fork. */
  readonly owner: number;
  readonly stdout: number | undefined;
  readonly stderr: number | undefined;
  readonly context: AsyncResource;
  readonly inChild: ForkRequest['inChild'];
}

/**
 * Of what the parent's event loop has (a socket), the child has nothing under the number that it has there: under another one it has. The
 * copies are made at the safe point, as other programs that are started meanwhile would inherit them.
 */
function copyGiven(
  forking: Forking,
  { stdout, stderr }: Entrance,
  copies: Map<number | undefined, number>,
): void {
  for (const fd of [stdout, stderr]) {
    if (fd === undefined || fd <= 2 || opened.has(fd) || copies.has(fd)) continue;
    const copy = forking.openFile('/dev/null', 'read');
    opened.add(copy);
    copies.set(fd, copy);
    forking.redirect(fd, copy);
  }
}

async function forkAtSafePoint(forking: Forking, entrance: Entrance): Promise<Child> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (
    let waitMs = FIRST_WAIT_MS, pauseMs = 0;
    ;
    waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS), pauseMs = waitMs
  ) {
    const result = await new Promise<Attempt | { kind: 'failed'; error: unknown }>((resolve) => {
      forking.atSafePoint(() => {
        let outcome: Attempt | undefined;
        const copies = new Map<number | undefined, number>();
        try {
          refuseInChild(entrance.owner);
          copyGiven(forking, entrance, copies);
          outcome = attempt(forking, waitMs);
        } catch (error) {
          resolve({ kind: 'failed', error });
          return;
        } finally {
          if (outcome?.kind !== 'child') for (const copy of copies.values()) close(forking, copy);
        }
        if (outcome.kind === 'child') {
          const { stdout, stderr } = entrance;
          redirectStdio(forking, copies.get(stdout) ?? stdout, copies.get(stderr) ?? stderr);
          closeOpened(forking, opened);
          entrance.context.runInAsyncScope(entrance.inChild, undefined, false);
        } else resolve(outcome);
      });
    });
    if (result.kind === 'failed') throw result.error;
    if (result.kind === 'parent') return result.child;
    if (result.kind === 'refused' && (!result.transient || performance.now() >= giveUpAt)) {
      throw new ForkUnavailableError(
        `fork is not possible: ${result.reason}; use the spawn start method`,
      );
    }
    // Nobody tells when a thread or the pool comes to rest; the pause leaves the loop to the program, longer each time.
    if (pauseMs > 0) await sleep(pauseMs);
  }
}

function readable(readEnd: number | undefined): NodeJS.ReadableStream | null {
  if (readEnd === undefined) return null;
  opened.delete(readEnd);
  return new net.Socket({ fd: readEnd, readable: true, writable: false });
}

function withStreams(child: Child, stdout: Stream | undefined, stderr: Stream | undefined): Child {
  if (stdout?.readEnd === undefined && stderr?.readEnd === undefined) return child;
  return Object.assign(child, {
    stdout: readable(stdout?.readEnd),
    stderr: readable(stderr?.readEnd),
  });
}
