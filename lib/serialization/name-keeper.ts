/**
 * esbuild's helper that gives a function the name it was written with (`keepNames`), under the name that a minifier has left it:
 * `var o=Object.defineProperty,s=(t,n)=>o(t,"name",{value:n,configurable:!0})`.
 */
import { closedOver } from './function-location.js';

/** The whole text of one. `{ value }` for short is only what it looks like where the parameter has that name. */
const KEEPER =
  /^\((?<target>[\w$]+),\s*(?<name>[\w$]+)\)\s*=>\s*(?!\k<target>\(|\k<name>\()(?<define>[\w$]+)\(\k<target>,\s*["']name["'],\s*\{\s*(?:value:\s*\k<name>|(?=value,)\k<name>),\s*configurable:\s*(?:true|!0),?\s*\}\)$/;

/**
 * Whether the variable of this name that `fn` sees is such a helper, so that another process can have its own. False also where
 * there is no inspector to look with.
 */
export function isNameKeeper(fn: object, name: string): boolean {
  try {
    const keeper = closedOver(fn, name);
    if (typeof keeper !== 'function') return false;
    const define = KEEPER.exec(Function.prototype.toString.call(keeper))?.groups?.['define'];
    // The text alone does not say what it calls.
    return define !== undefined && closedOver(keeper, define) === Object.defineProperty;
  } catch {
    return false;
  }
}
