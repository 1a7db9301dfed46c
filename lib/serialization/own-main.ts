/** The exports of the module that is the program, in the very process that runs it. */
import { pathToFileURL } from 'node:url';
import { AfterForkOrder, resetAfterFork } from '../base/after-fork.js';
import { StateError } from '../errors.js';
import type { ExportReference } from './function-reference.js';

/** An import of a module that has run waits for nothing but promises, so that one turn of the event loop is enough. */
const TURNS = 16;
const PENDING = Symbol();

/** What the program awaits at its top level is its parent's to go on with: here it never ends. */
let isForked = false;
let warned = false;

resetAfterFork(AfterForkOrder.Services, (occasion) => {
  if (occasion === 'clean') isForked = true;
});

/**
 * An import waits until the module's top level is over, which may itself wait for what is imported here.
 * @throws StateError in a forked process, where it can never be over.
 */
export async function importOwnMain({ url, name }: ExportReference): Promise<unknown> {
  const loading = import(url) as Promise<unknown>;
  const first = await Promise.race([loading, afterSomeTurns()]);
  if (first !== PENDING) return first;
  if (isForked) {
    throw new StateError(
      'the main module cannot be imported in this process, which was forked while that module was awaiting something at its top level ' +
        '(or without the thread in which a loader of modules runs): give the function itself, which needs no taskRef on fork, or await ' +
        'in a function',
    );
  }
  if (!warned && (await Promise.race([loading, afterAnotherImport()])) === PENDING) warn(name);
  return loading;
}

/** No error: somebody may call and not wait. */
function warn(name: string): void {
  if (warned) return;
  warned = true;
  process.emitWarning(
    `the call of export ${JSON.stringify(name)} of the main module waits until that module's top level is over, and never ends if that ` +
      'awaits the call: call the function itself, without taskRef, or await in a function',
    { type: 'MultiprocessingWarning', code: 'ERR_MP_MAIN_MODULE' },
  );
}

/** A loader of the program's own may take its time for every import of a file, also one that is loaded. */
async function afterAnotherImport(): Promise<typeof PENDING> {
  await import(pathToFileURL(__filename).href);
  return afterSomeTurns();
}

async function afterSomeTurns(): Promise<typeof PENDING> {
  for (let turn = 0; turn < TURNS; turn += 1)
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  return PENDING;
}
