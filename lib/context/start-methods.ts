/** The choice of a start method for the whole process: made once, early, by the main program. Libraries use a context. */
import type { StartMethod } from '../backend/contract.js';
import { checkBoolean, checkOptions } from '../base/options.js';
import { StateError } from '../errors.js';
import { own } from '../process/own-state.js';
import {
  checkStartMethod,
  settleStartMethod,
  usableStartMethods,
} from '../process/start-method.js';

/** The methods that work in this process, the default first. */
export function getAllStartMethods(): StartMethod[] {
  return usableStartMethods();
}

/** The method that `new Process()` uses. Asking settles it; with `allowNone` it answers null instead while nothing has. */
export function getStartMethod(options?: { allowNone?: false }): StartMethod;
export function getStartMethod(options?: { allowNone?: boolean }): StartMethod | null;
export function getStartMethod(options: { allowNone?: boolean } = {}): StartMethod | null {
  checkOptions('options', options, { allowNone: true });
  const { allowNone = false } = options;
  checkBoolean('options.allowNone', allowNone);
  return allowNone ? (own.startMethod ?? null) : settleStartMethod();
}

/** Once, before the first use; null with `force` goes back to the default. */
export function setStartMethod(
  method: StartMethod | null,
  options: { force?: boolean } = {},
): void {
  if (method !== null) checkStartMethod('method', method);
  checkOptions('options', options, { force: true });
  const { force = false } = options;
  checkBoolean('options.force', force);
  if (own.startMethod !== undefined && !force) {
    throw new StateError(
      `the start method is settled already ('${own.startMethod}'): pass { force: true } to change it`,
    );
  }
  own.startMethod = method ?? undefined;
}
