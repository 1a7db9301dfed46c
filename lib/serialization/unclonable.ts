import { EventEmitter } from 'node:events';
import type { Server } from 'node:net';
import type { Stream } from 'node:stream';
import { types } from 'node:util';
import { wayOutOf } from './host-objects.js';
import { isClass } from './is-class.js';

/** What a value is that cannot travel, in words for a message, and what its owner can do instead. */
export interface Refusal {
  readonly what: string;
  readonly wayOut: string;
}

const SEND_DATA = 'send the data it was made from and make a new one over there';

/** Why structured clone refuses this value, or undefined when its kind is no reason (its contents still may be). */
export function whyUnclonable(value: unknown): Refusal | undefined {
  if (typeof value === 'function') return aboutFunction(value);
  if (typeof value === 'symbol') {
    return { what: `the symbol ${String(value)}`, wayOut: 'send a string instead' };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (types.isProxy(value)) {
    return { what: 'a Proxy', wayOut: 'send a plain copy, as in { ...proxy } or [...proxy]' };
  }
  if (types.isSharedArrayBuffer(value)) {
    return { what: 'a SharedArrayBuffer', wayOut: SHARE_MEMORY };
  }
  if (ArrayBuffer.isView(value)) {
    if (!types.isSharedArrayBuffer(value.buffer)) return undefined;
    return {
      what: 'a view of a SharedArrayBuffer',
      wayOut: `${SHARE_MEMORY}, or send a copy, as in Uint8Array.from(view)`,
    };
  }
  return aboutOtherKinds(value);
}

const SHARE_MEMORY = 'it is shared by threads only: use SharedMemory, Value or SharedArray';

function aboutFunction(fn: { name: string }): Refusal {
  const ofClass = isClass(fn);
  const name = typeof fn.name === 'string' && fn.name !== '' ? ` "${fn.name}"` : '';
  return {
    what: ofClass ? `the class${name}` : `a function${name}`,
    wayOut: ofClass
      ? 'send its name or an instance (registerReducer teaches how instances travel)'
      : 'export it from a module and send taskRef(module, exportName), or send data and call the function on this side',
  };
}

function aboutOtherKinds(value: object): Refusal | undefined {
  if (types.isPromise(value)) return { what: 'a Promise', wayOut: 'await it and send the result' };
  if (types.isWeakMap(value) || types.isWeakSet(value)) {
    const kind = types.isWeakMap(value) ? 'Map' : 'Set';
    return {
      what: `a Weak${kind}`,
      wayOut: `send a ${kind} with the entries the other side needs`,
    };
  }
  if (types.isGeneratorObject(value)) {
    return { what: 'a generator', wayOut: 'send an array of its values, as in [...generator]' };
  }
  if (types.isMapIterator(value) || types.isSetIterator(value)) {
    return { what: 'an iterator', wayOut: 'send an array of its values, as in [...iterator]' };
  }
  if (types.isArgumentsObject(value)) {
    return { what: 'an arguments object', wayOut: 'send an array, as in [...arguments]' };
  }
  if (types.isModuleNamespaceObject(value)) {
    return { what: 'a module namespace', wayOut: 'send its URL and import it over there' };
  }
  if (types.isBoxedPrimitive(value) && typeof value.valueOf() === 'symbol') {
    return { what: 'a symbol object', wayOut: 'send a string instead' };
  }
  if (value instanceof EventEmitter) return aboutEmitter(value as EventEmitter);
  if (types.isExternal(value)) return { what: 'a native pointer', wayOut: SEND_DATA };
  return undefined;
}

/** What a stream or a server cannot be sent for is deep inside of it, where its owner has never looked. */
function aboutEmitter(emitter: EventEmitter): Refusal | undefined {
  /* eslint-disable @typescript-eslint/no-require-imports -- loaded when one is met: most children never do */
  const stream = require('node:stream') as { Stream: typeof Stream };
  const net = require('node:net') as { Server: typeof Server };
  /* eslint-enable @typescript-eslint/no-require-imports */
  if (emitter instanceof stream.Stream) {
    return {
      what: `a stream of class ${className(emitter)}`,
      wayOut:
        'send what is read from it, or what it was opened with, and open another one over there',
    };
  }
  if (emitter instanceof net.Server) {
    return {
      what: `a server of class ${className(emitter)}`,
      wayOut: 'send its address, and connect or listen over there',
    };
  }
  return undefined;
}

/** For a value that V8 refuses although its kind is not listed above: state that lives outside of JavaScript. */
export function refusedByEngine(value: object): Refusal {
  const isView = ArrayBuffer.isView(value);
  if (isDetached(isView ? value.buffer : value)) {
    return {
      what: isView ? 'a view of a detached ArrayBuffer' : 'a detached ArrayBuffer',
      wayOut: 'its memory was transferred away: send it before that, or a copy',
    };
  }
  return {
    what: `an instance of ${className(value)} with private host state`,
    wayOut: wayOutOf(value) ?? SEND_DATA,
  };
}

function isDetached(buffer: object): boolean {
  if (!types.isArrayBuffer(buffer) || buffer.byteLength > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/** The name of a value's class, for messages; never runs into a getter's or proxy's throw. */
export function className(value: object): string {
  try {
    const constructor: unknown = (value as { constructor?: unknown }).constructor;
    if (typeof constructor === 'function' && constructor.name !== '') return constructor.name;
  } catch {
    // The property is a getter that throws: the name is not worth an error.
  }
  return 'an unnamed class';
}
