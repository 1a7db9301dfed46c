import { backend } from '../backend/index.js';
import { checkBoolean, checkOptions } from '../base/options.js';
import { Connection } from './connection.js';

export interface PipeOptions {
  /** Default true: both ends send and receive. */
  duplex?: boolean | undefined;
}

/** The two ends of a new pipe; with `duplex: false` `[receiver, sender]`. What one end sends, the other receives, in order. */
export function Pipe<A = unknown, B = A>(
  options?: PipeOptions,
): [Connection<A, B>, Connection<B, A>] {
  checkOptions('options', options);
  const duplex = options?.duplex ?? true;
  checkBoolean('options.duplex', duplex);
  const [left, right] = backend().channelPair(duplex);
  return [new Connection<A, B>(left), new Connection<B, A>(right)];
}
