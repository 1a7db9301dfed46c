/** What `new Process()` takes: checked and copied at the call, so that a mistake shows where it was made. */
import { types } from 'node:util';
import type { StdioTarget } from '../backend/contract.js';
import type { Names, OTHERS_TOO } from '../base/option-names.js';
import {
  checkBoolean,
  checkFunction,
  checkOptions,
  checkString,
  invalidType,
  outOfRange,
} from '../base/options.js';
import type { Birth } from './own-state.js';
import { nextIdentity, own } from './own-state.js';

export interface ProcessOptions<A extends readonly unknown[] = readonly unknown[]> {
  /** What the child runs. Its promise, when it returns one, is waited for. */
  target?: ((...args: A) => unknown) | undefined;
  /** The target's arguments, copied. An array for the types, which count them; any other iterable works as well. */
  args?: readonly [...A] | undefined;
  /** A label, `Process-1` when absent or empty. */
  name?: string | undefined;
  /** Ends with its parent and may not have children; the creator's own flag when absent. */
  daemon?: boolean | undefined;
  /** 'inherit' (default), 'ignore', 'pipe' (see `stdout`), a descriptor, or the path of a file that is appended to. */
  stdout?: StdioTarget | undefined;
  stderr?: StdioTarget | undefined;
}

/** What the child will do. The parent forgets it once the child has it. */
export interface Work {
  readonly target: ((...args: unknown[]) => unknown) | undefined;
  readonly args: readonly unknown[];
}

export interface Stdio {
  readonly stdout: StdioTarget;
  readonly stderr: StdioTarget;
}

/** Everything a process object is made of. Given to the constructor itself when a process is made anew in its child. */
export class Making {
  constructor(
    readonly birth: Birth,
    readonly work: Work | undefined,
    readonly stdio: Stdio = { stdout: 'inherit', stderr: 'inherit' },
  ) {}
}

const PROCESS_OPTIONS: Names<ProcessOptions> = {
  target: true,
  args: true,
  name: true,
  daemon: true,
  stdout: true,
  stderr: true,
};

export function makeFromOptions(
  options: object | undefined,
  className: string,
  others?: typeof OTHERS_TOO,
): Making {
  checkOptions('options', options, PROCESS_OPTIONS, others);
  const given = (options ?? {}) as ProcessOptions;
  const { target, name, daemon = own.birth.daemon } = given;
  if (target !== undefined) checkTarget(target);
  if (name !== undefined) checkString('name', name);
  checkBoolean('daemon', daemon);
  const args = copyArguments(given.args);
  const stdio = {
    stdout: checkStdio('stdout', given.stdout),
    stderr: checkStdio('stderr', given.stderr),
  };
  const identity = nextIdentity();
  const birth: Birth = {
    name: name || `${className}-${identity.join(':')}`,
    identity,
    parent: { pid: process.pid, name: own.birth.name },
    daemon,
    authKey: own.birth.authKey,
  };
  return new Making(birth, { target, args }, stdio);
}

/** A call of a generator function runs nothing of it. */
function checkTarget(target: unknown): void {
  checkFunction('target', target);
  if (types.isGeneratorFunction(target)) {
    const expected =
      'a function whose call runs it, such as an async one that consumes the generator';
    throw invalidType('target', expected, target);
  }
}

function copyArguments(given: unknown): readonly unknown[] {
  if (given === undefined) return [];
  const iterable = typeof given === 'object' && given !== null && Symbol.iterator in given;
  if (!iterable) throw invalidType('args', 'an array or another iterable of arguments', given);
  return [...(given as Iterable<unknown>)];
}

function checkStdio(name: string, given: unknown): StdioTarget {
  if (given === undefined) return 'inherit';
  if (typeof given === 'number') {
    if (!Number.isInteger(given) || given < 0)
      throw outOfRange(name, 'a descriptor of at least 0', given);
    return given;
  }
  if (typeof given !== 'string') {
    throw invalidType(name, "'inherit', 'ignore', 'pipe', a file path or a descriptor", given);
  }
  if (given === '') throw outOfRange(name, 'a path of at least one character', given);
  if (given.includes('\0')) throw outOfRange(name, 'a path without null bytes', given);
  return given;
}
