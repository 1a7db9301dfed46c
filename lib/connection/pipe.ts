import { backend } from '../backend/index.js';
import type { Names } from '../base/option-names.js';
import { checkBoolean, checkOptions } from '../base/options.js';
import { Connection } from './connection.js';
import { rememberPair } from './given-ends.js';

export interface PipeOptions {
  /** Default true: both ends send and receive. */
  duplex?: boolean | undefined;
}

const PIPE_OPTIONS: Names<PipeOptions> = { duplex: true };

/**
 * The two ends of a new pipe; with `duplex: false` `[receiver, sender]`. What one end sends, the other receives, in order.
 *
 * A pipe of which an end is an argument of a process goes by arguments: forked processes then have only those of its ends that
 * are among their own arguments, as spawned ones do. A forked process whose function merely captures an end has both.
 */
export function Pipe<A = unknown, B = A>(
  options?: PipeOptions,
): [Connection<A, B>, Connection<B, A>] {
  checkOptions('options', options, PIPE_OPTIONS);
  const duplex = options?.duplex ?? true;
  checkBoolean('options.duplex', duplex);
  const [left, right] = backend().channelPair(duplex);
  const ends: [Connection<A, B>, Connection<B, A>] = [
    Connection.over(left),
    Connection.over(right),
  ];
  rememberPair(...ends);
  return ends;
}
