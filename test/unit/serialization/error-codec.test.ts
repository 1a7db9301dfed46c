import { AssertionError } from 'node:assert';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { types } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import * as errors from '../../../lib/errors.js';
import {
  type ErrorData,
  decodeError,
  encodeError,
} from '../../../lib/serialization/error-codec.js';
import { deserialize, serialize } from '../../../lib/serialization/serializer.js';

/** As a task's result travels: encoded, over the wire, decoded. */
function send(thrown: unknown): unknown {
  return decodeError(deserialize(serialize(encodeError(thrown), undefined)));
}

type Remote = Error & { remoteStack: string; code?: string; [key: string]: unknown };
const sendError = (error: unknown): Remote => send(error) as Remote;

function thrownBy(body: () => unknown): Error {
  try {
    body();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

describe('built-in classes', () => {
  const classes = [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError];
  for (const Class of classes) {
    test(Class.name, () => {
      const error = new Class('what happened');
      const copy = sendError(error);
      expect(Object.getPrototypeOf(copy)).toBe(Class.prototype);
      expect(types.isNativeError(copy)).toBe(true);
      expect(copy.name).toBe(Class.name);
      expect(copy.message).toBe('what happened');
      expect(copy.stack).toBe(error.stack);
      expect(copy.remoteStack).toBe(error.stack);
      expect(Object.keys(copy)).toEqual([]);
    });
  }

  test('AggregateError with its errors', () => {
    const copy = sendError(
      new AggregateError([new TypeError('a'), 'text', new errors.TimeoutError('late')], 'all'),
    );
    expect(copy).toBeInstanceOf(AggregateError);
    const list = copy['errors'] as unknown[];
    expect(list[0]).toBeInstanceOf(TypeError);
    expect(list[1]).toBe('text');
    expect(list[2]).toBeInstanceOf(errors.TimeoutError);
    expect(Object.keys(copy)).toEqual([]);
  });

  test('DOMException, AbortError among them', () => {
    const copy = sendError(new DOMException('stop', 'AbortError'));
    expect(copy).toBeInstanceOf(DOMException);
    expect([copy.name, copy.message, copy.code]).toEqual(['AbortError', 'stop', 20]);
    const reason = sendError(AbortSignal.abort().reason);
    expect(reason).toBeInstanceOf(DOMException);
    expect(reason.name).toBe('AbortError');
    expect(sendError(AbortSignal.timeout(0).reason ?? new DOMException('t', 'TimeoutError')).name).toBe('TimeoutError'); // prettier-ignore
  });

  test('AssertionError', () => {
    const copy = sendError(new AssertionError({ actual: 1, expected: 2, operator: 'strictEqual' }));
    expect(copy).toBeInstanceOf(AssertionError);
    expect(copy).toMatchObject({ code: 'ERR_ASSERTION', actual: 1, expected: 2 });
  });

  test('errors of Node itself keep class, code, errno and syscall', async () => {
    const missing = sendError(thrownBy(() => readFileSync('/does/not/exist')));
    expect(Object.getPrototypeOf(missing)).toBe(Error.prototype);
    expect(missing).toMatchObject({ code: 'ENOENT', errno: -2, syscall: 'open', path: '/does/not/exist' }); // prettier-ignore
    const wrong = sendError(thrownBy(() => Buffer.alloc('x' as never)));
    expect(wrong).toBeInstanceOf(TypeError);
    expect(wrong.code).toBe('ERR_INVALID_ARG_TYPE');
    const signal = AbortSignal.abort();
    const aborted = sendError(await once(new EventTarget(), 'x', { signal }).catch((e: unknown) => e)); // prettier-ignore
    expect(Object.getPrototypeOf(aborted)).toBe(Error.prototype);
    expect(aborted).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
  });

  test('an error of another realm arrives with the class of this one', () => {
    const copy = sendError(runInNewContext('new TypeError("elsewhere")'));
    expect(Object.getPrototypeOf(copy)).toBe(TypeError.prototype);
    expect(copy.message).toBe('elsewhere');
  });

  test('an error without message or with an own name', () => {
    expect(sendError(new Error()).message).toBe('');
    const renamed = sendError(Object.assign(new TypeError('x'), { name: 'Renamed' }));
    expect(renamed).toBeInstanceOf(TypeError);
    expect(renamed.name).toBe('Renamed');
  });
});

describe('the classes of this package', () => {
  const worker = { pid: 7, exitCode: null, signalCode: 'SIGKILL', ran: true };
  const details = { code: 'EMFILE', errno: -24, syscall: 'open' };
  const made: errors.ProcessError[] = [
    new errors.WorkerDiedError('died', worker),
    new errors.LockAbandonedError('abandoned', { pid: 7 }),
    new errors.SerializationError('no', 'args[0]'),
    new errors.RemoteError('far', 'stack there'),
    new errors.SystemError('open failed', details),
    new errors.BufferTooShortError('short', Buffer.from('whole')),
    ...Object.values(errors)
      .filter(
        (cls) =>
          ![
            'WorkerDiedError',
            'LockAbandonedError',
            'SerializationError',
            'RemoteError',
            'SystemError',
            'BufferTooShortError',
          ].includes(cls.name),
      ) // prettier-ignore
      .map((cls) => new (cls as new (message: string) => errors.ProcessError)('message')),
  ];
  for (const error of made) {
    test(error.constructor.name, () => {
      const copy = sendError(error);
      expect(Object.getPrototypeOf(copy)).toBe(Object.getPrototypeOf(error));
      expect(copy).toBeInstanceOf(errors.ProcessError);
      expect(copy).toBeInstanceOf(error.constructor);
      expect([copy.name, copy.message, copy.code]).toEqual([error.name, error.message, error.code]);
      for (const key of Object.keys(error))
        expect(copy[key]).toStrictEqual((error as unknown as Remote)[key]);
    });
  }
});

describe('classes that are not known here', () => {
  class HttpError extends TypeError {
    constructor(
      message: string,
      readonly status: number,
    ) {
      super(message);
    }
  }

  test('arrive as RemoteError under their name, with their properties', () => {
    const error = new HttpError('not found', 404);
    const copy = sendError(error);
    expect(copy).toBeInstanceOf(errors.RemoteError);
    expect(copy.name).toBe('HttpError');
    expect(copy).toMatchObject({ message: 'not found', status: 404, code: 'ERR_MP_REMOTE' });
    expect(copy.remoteStack).toBe(error.stack);
    expect(Object.keys(copy)).not.toContain('remoteStack');
  });

  test('keep an own code and name', () => {
    const error = Object.assign(new HttpError('x', 1), { code: 'E_MINE', name: 'Mine' });
    expect(sendError(error)).toMatchObject({ code: 'E_MINE', name: 'Mine' });
  });

  test('are not mistaken for ours of the same name', () => {
    class TimeoutError extends Error {}
    const copy = sendError(new TimeoutError('mine'));
    expect(copy).not.toBeInstanceOf(errors.TimeoutError);
    expect(copy).toBeInstanceOf(errors.RemoteError);
    expect(copy.name).toBe('TimeoutError');
  });

  test('travel on to a third process unchanged', () => {
    const once_ = sendError(new HttpError('not found', 404));
    const twice = sendError(once_);
    expect(twice.name).toBe('HttpError');
    expect(twice.stack).toBe(once_.stack);
    expect(twice['status']).toBe(404);
  });
});

describe('causes and properties', () => {
  test('the chain of causes keeps its classes', () => {
    const root = new RangeError('root');
    const copy = sendError(new Error('top', { cause: new TypeError('mid', { cause: root }) }));
    const middle = copy.cause as Remote;
    expect(middle).toBeInstanceOf(TypeError);
    expect(middle.cause).toBeInstanceOf(RangeError);
    expect(Object.keys(copy)).toEqual([]);
  });

  test('a cause that is no error, or undefined, arrives as itself', () => {
    expect(sendError(new Error('x', { cause: { code: 5 } })).cause).toEqual({ code: 5 });
    expect('cause' in sendError(new Error('x', { cause: undefined }))).toBe(true);
    expect('cause' in sendError(new Error('x'))).toBe(false);
  });

  test('cycles end with a note', () => {
    const a = new Error('a');
    a.cause = new Error('b', { cause: a });
    const copy = sendError(a);
    expect((copy.cause as Remote).message).toBe('b');
    expect((copy.cause as Remote)['[unclonable]']).toEqual([
      'cause: an error of which this one is the cause',
    ]);
    const itself = new AggregateError([], 'self');
    itself.errors.push(itself);
    expect(sendError(itself)['errors']).toEqual([]);
  });

  test('a chain without end is cut', () => {
    let error = new Error('deepest');
    for (let depth = 0; depth < 1000; depth++) error = new Error(String(depth), { cause: error });
    let copy = sendError(error);
    let depth = 0;
    while (copy.cause !== undefined) {
      copy = copy.cause as Remote;
      depth += 1;
    }
    expect(depth).toBeGreaterThan(5);
    expect(depth).toBeLessThan(100);
    expect(copy['[unclonable]']).toEqual([expect.stringMatching(/^cause: more than/)]);
  });

  test('properties that cannot travel are named', () => {
    const error = Object.assign(new Error('x'), {
      request: new Map([['fn', () => 1]]),
      retry: () => 1,
      token: Symbol('t'),
      fine: { nested: [1] },
    });
    Object.defineProperty(error, 'lazy', {
      enumerable: true,
      get() {
        throw new Error('no');
      },
    });
    const copy = sendError(error);
    expect(copy['fine']).toEqual({ nested: [1] });
    expect(copy['[unclonable]']).toEqual([
      'request: an instance of Map',
      'retry: a function',
      'token: a symbol',
      'lazy: a getter that throws',
    ]);
    expect('retry' in copy).toBe(false);
  });

  test('too many properties are cut', () => {
    const error = Object.assign(new Error('x'), Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`p${String(i)}`, i]))); // prettier-ignore
    const copy = sendError(error);
    expect(copy['p255']).toBe(255);
    expect('p256' in copy).toBe(false);
  });

  test('own `errors` of a class that is no AggregateError', () => {
    const copy = sendError(Object.assign(new Error('x'), { errors: [new TypeError('in')] }));
    expect((copy['errors'] as unknown[])[0]).toBeInstanceOf(TypeError);
    expect(sendError(Object.assign(new Error('x'), { errors: { a: 1 } }))['errors']).toEqual({ a: 1 }); // prettier-ignore
  });

  test('a property named __proto__ changes no prototype', () => {
    const error = new Error('x');
    Object.defineProperty(error, '__proto__', { value: { polluted: 1 }, enumerable: true });
    const copy = sendError(error);
    expect(Object.getPrototypeOf(copy)).toBe(Error.prototype);
    expect(Object.keys(copy)).toEqual(['__proto__']);
  });
});

describe('what is no error', () => {
  test('clonable values arrive as themselves', () => {
    for (const value of ['text', 5, null, undefined, { a: [1] }, 10n, new Map([[1, 2]])]) {
      expect(send(value)).toEqual(value);
    }
  });

  test('others arrive as RemoteError with their description', () => {
    for (const value of [() => 1, Symbol('s'), { fn: () => 1 }, Promise.resolve(1)]) {
      const copy = sendError(value);
      expect(copy).toBeInstanceOf(errors.RemoteError);
      expect(copy.message).toMatch(/^a value that cannot be sent was thrown: /);
    }
    expect(sendError({ fn: () => 1 }).message).toMatch(/fn: \[Function/);
  });
});

describe('hostile errors', () => {
  const throwing = (): never => {
    throw new Error('gotcha');
  };

  test('getters that throw', () => {
    for (const key of ['message', 'stack', 'name', 'cause', 'errors', 'code', 'constructor']) {
      const error = new Error('x');
      Object.defineProperty(error, key, { get: throwing, enumerable: true });
      expect(sendError(error)).toBeInstanceOf(Error);
    }
  });

  test('values of wrong types', () => {
    for (const key of ['message', 'stack', 'name', 'cause', 'errors', 'constructor']) {
      for (const value of [5, null, {}, throwing, Symbol('s')]) {
        const error = new Error('x');
        Object.defineProperty(error, key, { value, enumerable: true });
        const copy = sendError(error);
        expect(copy).toBeInstanceOf(Error);
        expect(typeof copy.stack).toBe('string');
        expect(typeof copy.message).toBe('string');
      }
    }
  });

  test('proxies', () => {
    const traps = new Proxy({}, { get: throwing });
    for (const value of [new Proxy({}, traps), new Proxy(new Error('x'), traps), new Proxy(new Error('x'), {})]) {
      expect(sendError(value)).toBeInstanceOf(errors.RemoteError);
    } // prettier-ignore
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(sendError(proxy)).toBeInstanceOf(errors.RemoteError);
  });

  test('a class with a hostile static side', () => {
    class Odd extends Error {
      static override get name(): string {
        throw new Error('gotcha');
      }
    }
    expect(sendError(new Odd('x')).message).toBe('x');
  });

  test('a frozen error, and an object that only inherits from Error', () => {
    expect(sendError(Object.freeze(new TypeError('ice')))).toBeInstanceOf(TypeError);
    expect(sendError(Object.create(Error.prototype))).toBeInstanceOf(Error);
    expect(sendError(Object.setPrototypeOf(new Error('x'), null))).toBeInstanceOf(Error);
  });

  test('an inspect method that throws', () => {
    const value = { fn: () => 1, [Symbol.for('nodejs.util.inspect.custom')]: throwing };
    expect(sendError(value).message).toMatch(/an? object that cannot be shown/);
  });

  test('data that no encodeError made', () => {
    const bad: unknown[] = [
      null,
      5,
      {},
      { kind: 'error' },
      { kind: 'error', error: {} },
      { kind: 'error', error: { class: 'Error', name: 'x', message: 5, stack: '' } },
      { kind: 'nothing' },
    ];
    for (const data of bad) expect(() => decodeError(data)).toThrow(errors.SerializationError);
    const data = encodeError(new Error('x')) as ErrorData & { error: { class: string } };
    const renamed = { ...data, error: { ...data.error, class: 'constructor', known: true } };
    expect(decodeError(renamed)).toBeInstanceOf(errors.RemoteError);
  });
});

describe('errors inside messages', () => {
  const message = (value: unknown): unknown => deserialize(serialize(value, undefined));

  test('keep class, code and cause wherever they are', () => {
    const reason = new errors.TimeoutError('late', { cause: new RangeError('far') });
    const copy = message({ results: [{ status: 'rejected', reason }], same: reason }) as {
      results: [{ reason: Remote }];
      same: Remote;
    };
    expect(copy.same).toBeInstanceOf(errors.TimeoutError);
    expect(copy.same.code).toBe('ERR_MP_TIMEOUT');
    expect(copy.same.cause).toBeInstanceOf(RangeError);
    expect(copy.results[0].reason).toBe(copy.same);
  });

  test('also with a message outside of Latin-1', () => {
    const copy = message([Object.assign(new Error('失敗'), { code: 'E' })]) as Remote[];
    expect(copy[0]?.code).toBe('E');
    const big = message([
      'x'.repeat(5000),
      Object.assign(new Error('失敗'), { code: 'E' }),
    ]) as Remote[];
    expect(big[1]?.code).toBe('E');
  });

  test('also as the whole message, even without a stack', () => {
    const bare = new errors.ClosedError('closed');
    bare.stack = 'none';
    expect(message(bare)).toBeInstanceOf(errors.ClosedError);
    expect(message(new DOMException('x', 'DataError'))).toBeInstanceOf(DOMException);
  });

  test('text that looks like a stack is just text', () => {
    const text = 'Error: x\n    at somewhere (file.js:1:1)';
    expect(message({ text, n: [1] })).toEqual({ text, n: [1] });
  });
});
