import { constants } from 'node:os';
import type { ExitStatus } from '../contract.js';

const signalNames = new Map<number, NodeJS.Signals>();
for (const [name, number] of Object.entries(constants.signals)) {
  // Aliases (SIGIOT, SIGPOLL) come after the usual names.
  if (!signalNames.has(number)) signalNames.set(number, name as NodeJS.Signals);
}

/** From what the kernel tells: an exit code, or the number of the signal that ended it. */
export function exitStatus(code: number, signal: number): ExitStatus {
  if (signal === 0) return { exitCode: code, signalCode: null };
  // Real-time signals have no names; Node's type knows none either.
  const signalCode = signalNames.get(signal) ?? (`SIG${signal}` as NodeJS.Signals);
  return { exitCode: -signal, signalCode };
}

/** From Node's 'exit' event. */
export function exitStatusOf(code: number | null, signalCode: NodeJS.Signals | null): ExitStatus {
  if (signalCode === null) return { exitCode: code ?? 0, signalCode: null };
  return { exitCode: -constants.signals[signalCode], signalCode };
}

/** The end of one child, told once to whoever asked. */
export class ExitNews {
  #status: ExitStatus | undefined;
  #told = false;
  #listeners: ((status: ExitStatus) => void)[] = [];

  get status(): ExitStatus | undefined {
    return this.#status;
  }

  /** What a look at the child has found; its listeners hear of it from the event loop. */
  learn(status: ExitStatus): ExitStatus {
    this.#status ??= status;
    return this.#status;
  }

  tell(status: ExitStatus): void {
    const known = this.learn(status);
    this.#told = true;
    for (const listener of this.#listeners.splice(0)) listener(known);
  }

  onExit(listener: (status: ExitStatus) => void): void {
    const known = this.#status;
    if (this.#told && known) queueMicrotask(() => listener(known));
    else this.#listeners.push(listener);
  }
}
