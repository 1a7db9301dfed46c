import { isAborted, reasonOf } from '../../../base/abort-signal.js';
import type { Wait } from '../../../base/options.js';
import type { TransferHandle } from '../../contract.js';
import type { SharedHandle } from '../../sync-contract.js';
import type { NativeSync } from '../sync-addon.js';
import { systemError } from '../../system-error.js';
import { refer } from './reference.js';
import { Waits } from './waits.js';

/** What every handle of this thread needs. */
export interface Core {
  readonly native: NativeSync;
  readonly waits: Waits;
  /** Drops handles that nobody can reach any more. */
  readonly unreachable: FinalizationRegistry<number>;
}

let core: Core | undefined;

/** The one of this thread: who is told of the waits that have ended is one. */
export function coreOf(native: NativeSync): Core {
  core ??= {
    native,
    waits: new Waits(native),
    unreachable: new FinalizationRegistry((id) => {
      native.drop(id);
    }),
  };
  return core;
}

/** A handle, by its number. */
export abstract class NativeHandle implements SharedHandle {
  protected readonly native: NativeSync;
  protected readonly waits: Waits;
  protected readonly id: number;
  readonly #kind: string;

  constructor(core: Core, kind: string, id: number) {
    this.native = core.native;
    this.waits = core.waits;
    this.id = id;
    this.#kind = kind;
    core.unreachable.register(this, id);
  }

  toTransfer(): { readonly reference: unknown; readonly handle: TransferHandle } {
    return refer(this.native, this.#kind, this.id, this);
  }
}

/** The rejection with which a wait answers whose signal has been aborted before; undefined when it has not. */
export function aborted(wait: Wait): Promise<never> | undefined {
  const { signal } = wait;
  if (signal === undefined || !isAborted(signal)) return undefined;
  return Promise.reject(reasonOf(signal));
}

/** There may be no descriptor left for the doorbell. */
export function waitFailed(error: unknown): unknown {
  return systemError('nothing can be waited for', error);
}
