/** The line from this process to its parent, out of the program's reach: without it nothing of the library works here. */
import { executionAsyncId, triggerAsyncId } from 'node:async_hooks';
import type { Line, LineListener } from './link.js';

/** To be made once, where there is one. */
export function ownLine(): Line {
  const { channel } = process;
  const send = (process.send as NonNullable<Line['send']>).bind(process);
  hideLine();
  return {
    get connected() {
      return process.connected;
    },
    channel,
    send,
    on: keepListening,
  };
}

/**
 * A plain Node process has no `process.send`, and programs ask by its presence whether somebody listens. `process.channel`,
 * `connected` and `disconnect` stay, because Node itself works with them when the line goes down: then it calls `disconnect` in the
 * line's own async context, in which nothing of a program ever runs. A program that calls it parts with nothing.
 */
function hideLine(): void {
  delete process.send;
  const disconnect = process.disconnect?.bind(process);
  let line: number | undefined;
  keepListening('internalMessage', () => {
    line ??= triggerAsyncId();
  });
  replace('disconnect', () => {
    if (line === undefined || executionAsyncId() === line) disconnect?.();
  });
}

const kept: [event: string, listener: LineListener][] = [];

/** Listens also after the program has removed all listeners of this process, of which it did not know these. */
function keepListening(event: string, listener: LineListener): void {
  if (kept.length === 0) watchRemovals();
  kept.push([event, listener]);
  process.on(event, listener);
}

function watchRemovals(): void {
  for (const name of ['removeAllListeners', 'removeListener', 'off'] as const) {
    const remove = Reflect.get(process, name) as (...args: unknown[]) => unknown;
    replace(name, function (this: unknown, ...args: unknown[]): unknown {
      const result = Reflect.apply(remove, this, args);
      for (const [event, listener] of kept) {
        if (!process.listeners(event as 'exit').includes(listener)) process.on(event, listener);
      }
      return result;
    });
  }
}

function replace(name: keyof NodeJS.Process, value: unknown): void {
  Object.defineProperty(process, name, { value, configurable: true, writable: true });
}
