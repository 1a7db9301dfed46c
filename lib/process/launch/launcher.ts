import type { StartMethod } from '../../backend/contract.js';
import type { Birth } from '../own-state.js';
import type { Stdio, Work } from '../process-options.js';

/** What a launcher is given to bring a process to life. */
export interface Launch {
  readonly process: object;
  /** Its class, where that is the user's: it travels with the object's own fields. */
  readonly subclass: (new (...args: never[]) => object) | undefined;
  readonly birth: Birth;
  readonly work: Work;
  readonly stdio: Stdio;
  readonly startMethod: StartMethod;
}
