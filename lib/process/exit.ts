/**
 * The end of a process that has children: daemons are told to end, the others are waited for. In that order at every way
 * out, as Python does it: a natural end, process.exit(), an uncaught exception, the end of a child's target.
 *
 * The fallback backend cannot wait once the event loop is over: there the others go on alone, and a daemon, told to end,
 * loses its parent before its own handler may have run.
 */
import { backend } from '../backend/index.js';
import { Deadline } from '../base/deadline.js';
import { NotSupportedError, StateError } from '../errors.js';
import { leave, sayLastWords, watchErrors } from './last-words.js';
import { own } from './own-state.js';
import type { RunningChild } from './running-child.js';

/** How long a daemon may take over its SIGTERM before it is killed. */
const DAEMON_GRACE_MS = 1_000;

let placing = false;

/** On the listener of every copy of the package in this process: two that overtook each other would do so for ever. */
const LAST = Symbol.for('node-multiprocessing.last-listener');

/** Called at every start of a child. One listener, whatever the number of children. */
export function watchExit(): void {
  watchErrors();
  process.off('exit', onExit).on('exit', onExit);
  const emitter: NodeJS.EventEmitter = process;
  if (!emitter.listeners('newListener').includes(stayLast)) emitter.on('newListener', stayLast);
}

/**
 * A program's own exit handlers come first, as Python's do: one of them may end the very children that are waited for. A
 * handler that is registered now is overtaken in a microtask, so there is no moment without our listener.
 */
function stayLast(event: string | symbol, listener: unknown): void {
  if (event !== 'exit' || isLast(listener) || placing || !hasChildren()) return;
  placing = true;
  queueMicrotask(() => {
    placing = false;
    if (!process.listeners('exit').includes(onExit)) return;
    process.off('exit', onExit);
    process.on('exit', onExit);
  });
}

function isLast(listener: unknown): boolean {
  return typeof listener === 'function' && LAST in listener;
}

function onExit(): void {
  const children = running();
  // Where nobody is waited for but daemons, which end in a moment, Node's own words come soon enough, and say more.
  const waits = children.some(({ daemon }) => !daemon) && canWait();
  const said = waits && sayLastWords();
  for (const child of children) child.closeStreams();
  const told = terminateDaemons(children);
  for (const child of children.filter(({ daemon }) => !daemon)) waitOrPart(child);
  const deadline = Deadline.after(DAEMON_GRACE_MS);
  for (const child of told) waitOrKill(child, deadline);
  backend().collectEnded?.();
  if (said) leave();
}

Object.defineProperty(onExit, LAST, { value: true });

/** Not without the event loop, on the fallback. */
function canWait(): boolean {
  return backend().name === 'native';
}

export function hasChildren(): boolean {
  return own.children.size > 0;
}

/** The same for a child whose target has ended: it still has its event loop, so it works on every backend. */
export async function endChildren(): Promise<void> {
  const children = running();
  const told = terminateDaemons(children);
  await Promise.all(
    [...children.filter(({ daemon }) => !daemon), ...told].map(async (child) => {
      if ((await child.wait(child.daemon ? { timeout: DAEMON_GRACE_MS } : {})) !== undefined)
        return;
      if (child.tryKill('SIGKILL')) await child.wait({});
    }),
  );
}

function running(): RunningChild[] {
  return [...own.children.values()].filter((child) => child.check() === undefined);
}

/** Those that could be told: one that is still root's, where this process is not, ends with this process. */
function terminateDaemons(children: readonly RunningChild[]): RunningChild[] {
  return children.filter((child) => child.daemon && child.tryKill('SIGTERM'));
}

function waitOrPart(child: RunningChild): void {
  if (!waitSync(child, Deadline.after(undefined))) child.goodbye();
}

function waitOrKill(child: RunningChild, deadline: Deadline): void {
  if (!waitSync(child, deadline) || child.check() !== undefined) return;
  if (child.tryKill('SIGKILL')) waitSync(child, Deadline.after(DAEMON_GRACE_MS));
}

/** False where this process cannot wait without its event loop. */
function waitSync(child: RunningChild, deadline: Deadline): boolean {
  try {
    child.waitSync(deadline);
    return true;
  } catch (error) {
    if (error instanceof NotSupportedError) return false;
    if (error instanceof StateError) return true; // It has ended; how, is for the event loop to tell.
    throw error;
  }
}
