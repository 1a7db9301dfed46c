/** Who asks a queue at the broker for something. */
import type { BrokerEnd, Port, Queued } from '../broker-end.js';
import type { Until } from './words.js';

export interface Asker {
  readonly port: Port;
  readonly token: number;
  readonly once: boolean;
}

export interface Putter extends Asker {
  readonly bytes: Uint8Array;
  readonly handles: readonly BrokerEnd[];
}

export interface Taker extends Asker {
  readonly max: number;
}

export interface Awaiter extends Asker {
  readonly until: Until;
}

/** Messages on their way to who asked for them. */
export interface Gift extends Asker {
  readonly messages: readonly Queued[];
}
