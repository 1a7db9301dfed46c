/**
 * What a spawned child must know before user code runs, as one message: first the record that every child can read, inside
 * it the bytes of the arguments, which may only be understood once the target's module has been imported.
 */
import type { Message, StartMethod, TransferHandle } from '../backend/contract.js';
import { deserialize, serialize } from '../serialization/serializer.js';
import {
  referToCallable,
  resolveCallable,
  type CallableReference,
} from '../serialization/bound-function.js';
import { referToClass } from '../serialization/function-ref.js';
import { type FunctionReference, resolveReference } from '../serialization/function-reference.js';
import { mainModuleUrl } from '../serialization/main-module.js';
import { Transfer } from '../serialization/transfer.js';
import type { Launch } from './launch/launcher.js';
import type { Birth } from './own-state.js';

interface Preparation {
  readonly birth: Birth;
  readonly startMethod: StartMethod;
  readonly argv: readonly string[];
  /** Where the child goes before any of that; undefined where it is there. */
  readonly directory: string | undefined;
  readonly mainModule: string | undefined;
  readonly target: CallableReference | undefined;
  /** Absent for the package's own classes. */
  readonly processClass: FunctionReference | undefined;
  /** Serialized. */
  readonly args: Uint8Array;
  readonly fields: Uint8Array;
}

/** A preparation that arrived, in the child. */
export interface Arrived extends Preparation {
  readonly handles: readonly TransferHandle[];
}

/** What the child is made of, once the modules are imported. */
export interface Unpacked {
  readonly processClass: (new (...args: never[]) => object) | undefined;
  readonly target: ((...args: unknown[]) => unknown) | undefined;
  readonly args: readonly unknown[];
  /** Own fields of a subclass's instance. */
  readonly fields: Record<string, unknown>;
}

/** Names and packs everything before anything is started. @throws SerializationError that says what cannot travel and why. */
export async function prepare(
  launch: Launch,
  directory: string | undefined,
): Promise<{ message: Message; discard: () => void }> {
  const { process: object, birth, work, startMethod } = launch;
  const transfer = new Transfer();
  const discard = (): void => {
    transfer.discard();
  };
  try {
    // The values first and at once: what their owner changes after start() was called is not the child's.
    const args = serialize(work.args, transfer, 'args');
    const fields = serialize(ownFields(object), transfer, 'this');
    const preparation: Preparation = {
      birth: { ...birth },
      startMethod,
      argv: process.argv,
      directory,
      mainModule: mainModuleUrl(),
      target: work.target && (await referToCallable(work.target, 'target', transfer)),
      processClass:
        launch.subclass && (await referToClass(launch.subclass, 'the class of the process')),
      args,
      fields,
    };
    return {
      message: {
        bytes: serialize(preparation, undefined, 'preparation'),
        handles: transfer.handles,
      },
      discard,
    };
  } catch (error) {
    discard();
    throw error;
  }
}

/** Everything that the instance has on its own: its class's methods come with the class, the options with the record. */
function ownFields(object: object): Record<string, unknown> {
  const { $handle: _guard, ...fields } = object as Record<string, unknown>;
  return fields;
}

export function readPreparation({ bytes, handles }: Message): Arrived {
  return { ...(deserialize(bytes) as Preparation), handles };
}

/** Imports what the child needs: here user code runs for the first time. */
export async function unpack(arrived: Arrived): Promise<Unpacked> {
  const { target, processClass, args, fields, handles } = arrived;
  return {
    processClass:
      processClass && ((await resolveReference(processClass)) as Unpacked['processClass']),
    target: target && (await resolveCallable(target, handles)),
    args: deserialize(args, handles) as unknown[],
    fields: deserialize(fields, handles) as Record<string, unknown>,
  };
}
