/**
 * Objects of Node's own classes whose state is not in their properties. V8 alone writes most of them as empty objects, without a word;
 * Node's own structuredClone copies some (Blob, BlockList …) and refuses the others.
 */

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
]);

/** Undefined for a class that is not known by its name. */
export function wayOutOf(value: object): string | undefined {
  return classesOf(value)
    .map(({ name }) => waysOut.get(name))
    .find((wayOut) => wayOut !== undefined);
}

/** Node 20 refuses none of those that it does not copy, and its structuredClone opens a port: there they are told by their class. */
const asksNode = !process.versions.node.startsWith('20.');

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
  return waysOut.has(cls.name) && (globalThis as Record<string, unknown>)[cls.name] === cls;
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
