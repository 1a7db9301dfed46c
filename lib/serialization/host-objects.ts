/**
 * Objects of Node's own classes whose state is not in their properties. V8 alone writes most of them as empty objects, without a word;
 * Node's own structuredClone copies some (Blob, BlockList …) and refuses the others. Of a WebAssembly.Module V8 writes nothing at all.
 */
import { types } from 'node:util';

/** By the name of the class: what to send instead. */
const waysOut = new Map([
  ['URL', 'send its href'],
  ['URLSearchParams', 'send its text, as in String(params)'],
  ['Headers', 'send its entries, as in [...headers]'],
  ['FormData', 'send its entries, as in [...formData]'],
  ['Request', 'send its url, method, [...headers] and the bytes of its body'],
  ['Response', 'send its status, [...headers] and the bytes of its body'],
  ['MessageEvent', 'send its data'],
  ['Blob', 'send its bytes, as in await blob.arrayBuffer()'],
  ['SocketAddress', 'send its address and port'],
  ['BlockList', 'send its rules and make a new one over there'],
  ['CryptoKey', 'send what crypto.subtle.exportKey makes of it'],
  ['KeyObject', 'send what its export() makes of it'],
  ['ReadableStream', 'send what is read from it'],
  ['WebAssembly.Module', 'send the bytes that it was compiled from'],
]);

/** Undefined for a class that is not known by its name. */
export function wayOutOf(value: object): string | undefined {
  return classesOf(value)
    .map((cls) => waysOut.get(nameOf(cls)))
    .find((wayOut) => wayOut !== undefined);
}

/** Node 20 refuses none of those that it does not copy, and its structuredClone opens a port: there they are told by their class. */
const asksNode = !process.versions.node.startsWith('20.');

/** Of a class that is known here, whatever properties it has besides. Cheap for whatever is none. */
export function isKnownHostObject(value: object): boolean {
  if (ArrayBuffer.isView(value) || types.isMap(value) || types.isSet(value)) return false;
  return Symbol.toStringTag in value && classesOf(value).some(isKnownGlobal);
}

/** Whether V8 writes some part of what it can clone without its state. */
export function holdsHostObject(value: unknown, seen = new Set<object>()): boolean {
  if (typeof value !== 'object' || value === null || seen.has(value)) return false;
  seen.add(value);
  const holds = (part: unknown): boolean => holdsHostObject(part, seen);
  if (ArrayBuffer.isView(value)) return false;
  if (types.isMap(value)) return [...value].flat().some(holds);
  if (types.isSet(value)) return [...value].some(holds);
  const parts: unknown[] = Object.values(value);
  return parts.length === 0 ? isHostObject(value) : isKnownHostObject(value) || parts.some(holds);
}

/** Whether a value without enumerable properties holds what an empty object at the other side would have lost. */
export function isHostObject(value: object): boolean {
  if (isPlain(value)) return false;
  if (classesOf(value).some(isKnownGlobal)) return true;
  if (!asksNode || typeof structuredClone !== 'function') return false;
  try {
    return !isPlain(structuredClone(value));
  } catch {
    return true;
  }
}

/** Not by instanceof, which a class may answer as it likes. A global's getter may load much: it is asked by its name only. */
function isKnownGlobal(cls: { name: string }): boolean {
  const name = nameOf(cls);
  if (!waysOut.has(name)) return false;
  return name !== cls.name || (globalThis as Record<string, unknown>)[name] === cls;
}

/** There is no WebAssembly without a compiler (--jitless). */
function nameOf(cls: { name: string }): string {
  const module = (globalThis as { WebAssembly?: { Module: unknown } }).WebAssembly?.Module;
  return cls === module ? 'WebAssembly.Module' : cls.name;
}

/** Of any realm. */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Its class and what that extends; runs nothing of the value's. */
function classesOf(value: object): { name: string }[] {
  const classes: { name: string }[] = [];
  let prototype = Object.getPrototypeOf(value) as object | null;
  for (; prototype !== null; prototype = Object.getPrototypeOf(prototype) as object | null) {
    const cls: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
    if (typeof cls === 'function') classes.push(cls);
  }
  return classes;
}
