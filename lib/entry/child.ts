/**
 * The program of a spawned child: hears from its parent what it is, becomes that, runs it. Never imported by the library.
 */
import { fileURLToPath } from 'node:url';
import { noteAttached } from '../backend/child-mark.js';
import { backend } from '../backend/index.js';
import '../connection/connection.js'; // an argument may be one, whatever the target's module loads
import { EndOfFileError, StateError } from '../errors.js';
import { runChild } from '../process/bootstrap.js';
import { forgetImport, whileImporting } from '../process/import-guard.js';
import { own } from '../process/own-state.js';
import type { Arrived } from '../process/preparation.js';
import { readPreparation, unpack } from '../process/preparation.js';
import type { ProcessOptions } from '../process/process-options.js';
import { Making } from '../process/process-options.js';
import { Process } from '../process/process.js';
import { printTraceback } from '../process/traceback.js';
import { isInMainModule } from '../serialization/bound-function.js';
import { setMainModuleUrl } from '../serialization/main-module.js';
import { loadOnDemand } from '../serialization/reducers.js';
import type * as Queues from '../queues/index.js';
import type * as Sync from '../sync/index.js';

// Locks, queues and their kin may be arguments as well, but most children have none, and loading them takes time.
loadOnDemand(() => {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- on demand, and at once
  require('../sync/index.js') as typeof Sync;
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- on demand, and at once
  require('../queues/index.js') as typeof Queues;
});

async function main(): Promise<void> {
  const { control } = backend().attachChild();
  noteAttached();
  const arrived = readPreparation(await control.recv({}));
  control.close();
  if (arrived.directory !== undefined) process.chdir(arrived.directory);
  own.startMethod = arrived.startMethod;
  setMainModuleUrl(arrived.mainModule);
  runChild({ birth: arrived.birth, work: { run: () => work(arrived) } });
}

async function work(arrived: Arrived): Promise<unknown> {
  const self = await rebuild(arrived);
  own.self = self;
  try {
    return await self.run();
  } catch (error) {
    throw privateFieldsMissing(error, self) ?? error;
  }
}

/** V8 says of them that the class did not declare them, of a class that did. The parent cannot see whether an object has some. */
function privateFieldsMissing(error: unknown, self: Process): StateError | undefined {
  const isOfPrivate =
    error instanceof TypeError &&
    /private member #|^Receiver must be an instance of class/.test(error.message);
  if (!isOfPrivate || !declaresPrivate(self.constructor)) return undefined;
  return new StateError(
    `${self.constructor.name} has private fields or methods, and only public fields travel to a spawned process, where its constructor ` +
      'does not run: keep what run() needs in public ones, or use the fork start method',
    { cause: error },
  );
}

function declaresPrivate(Class: object): boolean {
  if (Class === Process) return false;
  const text = Function.prototype.toString.call(Class);
  return text.includes('#') || declaresPrivate(Object.getPrototypeOf(Class) as object);
}

/**
 * The process object as its parent made it. A subclass's constructor has run there and does not run again: its fields arrive
 * instead. While modules are imported argv[1] is this file, so that a main module sees that it is not the main program.
 */
async function rebuild(arrived: Arrived): Promise<Process> {
  process.argv.splice(2, Infinity, ...arrived.argv.slice(2));
  const { processClass, target, args, fields } = await whileImporting(
    () => unpack(arrived),
    isNamedByMain(arrived),
  );
  // What the modules' top level has failed at, an unguarded start above all, comes out before the target runs.
  await new Promise((resolve) => setImmediate(resolve));
  if (!mainModuleLoaded(arrived)) forgetImport();
  process.argv.splice(1, Infinity, ...arrived.argv.slice(1));
  const making = new Making(arrived.birth, { target, args }) as ProcessOptions;
  return Object.assign(Reflect.construct(Process, [making], processClass ?? Process), fields);
}

/** By the references themselves, or by a module that requires it. An ES module that imports it leaves no trace. */
function mainModuleLoaded(arrived: Arrived): boolean {
  const { mainModule } = arrived;
  if (mainModule === undefined) return false;
  return isNamedByMain(arrived) || require.cache[fileURLToPath(mainModule)] !== undefined;
}

function isNamedByMain({ target, processClass }: Arrived): boolean {
  return [target, processClass].some((found) => found !== undefined && isInMainModule(found));
}

main().catch((error: unknown) => {
  // A parent that ended before it told us what to run is nothing to report.
  if (!(error instanceof EndOfFileError)) printTraceback('of an unknown name', error);
  process.exit(1);
});
