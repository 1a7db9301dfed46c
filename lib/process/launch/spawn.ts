import type { Child, Message, SpawnedChild } from '../../backend/contract.js';
import { backend } from '../../backend/index.js';
import { log } from '../../base/log.js';
import { BrokenPipeError } from '../../errors.js';
import { execArgvForChild } from '../exec-argv.js';
import { prepare } from '../preparation.js';
import { directoriesOfChild } from '../start-directory.js';
import type { Launch } from './launcher.js';
import { filesToSpawn } from './spawn-availability.js';

/**
 * A fresh Node that is told what to run. Resolves when the child exists and has been handed its preparation; what goes wrong
 * over there, a module that is missing included, ends the child with a traceback and exit code 1.
 */
export async function launchSpawn(launch: Launch): Promise<Child> {
  const directories = directoriesOfChild();
  const { message, discard } = await prepare(launch, directories?.goOn);
  let spawned: SpawnedChild;
  try {
    spawned = await backend().spawn({
      entry: filesToSpawn().child,
      execArgv: execArgvForChild(),
      cwd: directories?.begin,
      ...launch.stdio,
    });
  } catch (error) {
    discard();
    throw error;
  }
  await handOver(spawned, message, discard);
  return spawned.child;
}

async function handOver(
  { child, control }: SpawnedChild,
  message: Message,
  discard: () => void,
): Promise<void> {
  try {
    await control.send(message, {});
  } catch (error) {
    discard();
    if (!(error instanceof BrokenPipeError)) {
      child.kill('SIGKILL');
      throw error;
    }
    log('child %d ended before it was told what to run', child.pid); // Its exit code tells.
  } finally {
    control.close();
  }
}
