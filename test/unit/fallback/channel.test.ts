// Channels whose two ends are in this process: no child, the same broker.
import { when } from '../../support/start-methods.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { Deadline } from '../../../lib/base/deadline.js';
import type { Channel, Message } from '../../../lib/backend/contract.js';
import { createFallbackBackend } from '../../../lib/backend/fallback/index.js';
import {
  BrokenPipeError,
  ClosedError,
  EndOfFileError,
  NotSupportedError,
  StateError,
  TimeoutError,
} from '../../../lib/errors.js';

const backend = createFallbackBackend();
const made: Channel[] = [];

function pair(duplex = true): [Channel, Channel] {
  const ends = backend.channelPair(duplex);
  made.push(...ends);
  return ends;
}

function text(value: string): Message {
  return { bytes: Buffer.from(value), handles: [] };
}

async function read(channel: Channel, wait = {}): Promise<string> {
  return Buffer.from((await channel.recv(wait)).bytes).toString();
}

const reasonOf = (reason: unknown): unknown => reason;

afterEach(() => {
  for (const channel of made.splice(0)) channel.close();
});

describe('messages', () => {
  test('go both ways on a duplex pair, in order, empty ones too', async () => {
    const [left, right] = pair();
    await left.send(text('a'), {});
    await left.send(text(''), {});
    await right.send(text('b'), {});
    expect([await read(right), await read(right), await read(left)]).toEqual(['a', '', 'b']);
  });

  test('go one way otherwise, and the wrong way is refused', async () => {
    const [receiver, sender] = pair(false);
    await sender.send(text('a'), {});
    expect(await read(receiver)).toBe('a');
    expect([receiver.writable, sender.readable]).toEqual([false, false]);
    await expect(receiver.send(text('b'), {})).rejects.toThrow(StateError);
    await expect(sender.recv({})).rejects.toThrow(StateError);
    await expect(sender.poll({})).rejects.toThrow(StateError);
  });

  test('that answer each other let the event loop run, and keep their order', async () => {
    const [left, right] = pair();
    const echo = (async () => {
      for (;;) await right.send(await right.recv({}), {});
    })().catch(reasonOf);
    let turns = 0;
    let counting: NodeJS.Immediate;
    const count = (): void => {
      turns += 1;
      counting = setImmediate(count);
    };
    count();
    const rounds = 2000;
    for (let i = 0; i < rounds; i += 2) {
      await Promise.all([left.send(text(`${i}`), {}), left.send(text(`${i + 1}`), {})]);
      expect([await read(left), await read(left)]).toEqual([`${i}`, `${i + 1}`]);
    }
    clearImmediate(counting!);
    // Starved, the loop would have its turn when all is over.
    expect(turns).toBeGreaterThan(5);
    left.close();
    expect(await echo).toBeInstanceOf(EndOfFileError);
  });

  test('belong to the transport once sent: the sender may use its bytes again', async () => {
    const [left, right] = pair();
    const bytes = Buffer.from('before');
    await left.send({ bytes, handles: [] }, {});
    bytes.write('after!');
    expect(await read(right)).toBe('before');
  });

  test('wait when too much is unread, and go on when it is read', async () => {
    const [left, right] = pair();
    const chunk = { bytes: Buffer.alloc(256 * 1024), handles: [] };
    let sent = 0;
    await expect(
      (async () => {
        for (;;) {
          await left.send(chunk, { timeout: 0 });
          sent += 1;
        }
      })(),
    ).rejects.toThrow(TimeoutError);
    expect(sent).toBeGreaterThanOrEqual(4);
    expect(sent).toBeLessThan(8);
    await expect(left.send(chunk, { timeout: 20 })).rejects.toThrow(TimeoutError);
    const abort = AbortSignal.timeout(20);
    expect(await left.send(chunk, { signal: abort }).catch(reasonOf)).toBe(abort.reason);
    const waiting = left.send(text('last'), {});
    for (let more = sent; more > 0; more -= 1) await right.recv({});
    await waiting;
    expect(await read(right)).toBe('last');
  });

  test('may be longer than everything that is allowed to wait', async () => {
    const [left, right] = pair();
    await left.send({ bytes: Buffer.alloc(20 << 20, 7), handles: [] }, { timeout: 0 });
    const { bytes } = await right.recv({});
    expect([bytes.length, bytes[0], bytes.at(-1)]).toEqual([20 << 20, 7, 7]);
  });
});

describe('waiting', () => {
  test('ends with the message, the timeout or the signal, and a later message is not lost', async () => {
    const [left, right] = pair();
    await expect(right.recv({ timeout: 0 })).rejects.toThrow(TimeoutError);
    await expect(right.recv({ timeout: 20 })).rejects.toThrow(TimeoutError);
    const abort = AbortSignal.timeout(20);
    expect(await right.recv({ signal: abort }).catch(reasonOf)).toBe(abort.reason);
    await expect(right.recv({ signal: AbortSignal.abort('no') })).rejects.toBe('no');
    const reading = read(right, { timeout: 5_000 });
    await left.send(text('a'), {});
    expect(await reading).toBe('a');
    await left.send(text('b'), {});
    expect(await read(right, { timeout: 0 })).toBe('b');
  });

  test('poll tells of a message, of the end, of nothing', async () => {
    const [left, right] = pair();
    expect(await right.poll({ timeout: 0 })).toBe(false);
    expect(await right.poll({ timeout: 20 })).toBe(false);
    await expect(right.poll({ signal: AbortSignal.abort('no') })).rejects.toBe('no');
    const polling = right.poll({});
    await left.send(text('a'), {});
    expect(await polling).toBe(true);
    expect(await right.poll({ timeout: 0 })).toBe(true);
    expect(await read(right)).toBe('a');
    expect(await right.poll({ timeout: 0 })).toBe(false);
    left.close();
    expect(await right.poll({})).toBe(true);
  });

  test('several readers are served in the order in which they came', async () => {
    const [left, right] = pair();
    const reading = [read(right), read(right, { timeout: 10 }), read(right)];
    await expect(reading[1])
      .rejects.toThrow(TimeoutError)
      .catch(() => undefined);
    await left.send(text('a'), {});
    await left.send(text('b'), {});
    expect([await reading[0], await reading[2]]).toEqual(['a', 'b']);
  });
});

describe('closing', () => {
  test('lets the other end read what was sent, then tells the end', async () => {
    const [left, right] = pair();
    await left.send(text('a'), {});
    left.close();
    await expect(right.send(text('b'), {})).rejects.toThrow(BrokenPipeError);
    expect(await read(right)).toBe('a');
    await expect(right.recv({})).rejects.toThrow(EndOfFileError);
    await expect(right.recv({})).rejects.toThrow(EndOfFileError);
  });

  test('rejects what waits, on both sides', async () => {
    const [left, right] = pair();
    const waits = [left.recv({}), left.poll({}), right.recv({})];
    const outcomes = Promise.allSettled(waits);
    left.close();
    left.close();
    expect(left.closed).toBe(true);
    const reasons = (await outcomes).map((outcome) => (outcome as PromiseRejectedResult).reason);
    expect(reasons[0]).toBeInstanceOf(ClosedError);
    expect(reasons[1]).toBeInstanceOf(ClosedError);
    expect(reasons[2]).toBeInstanceOf(EndOfFileError);
    await expect(left.recv({})).rejects.toThrow(ClosedError);
    await expect(left.send(text('a'), {})).rejects.toThrow(ClosedError);
    expect(() => left.toTransfer()).toThrow(ClosedError);
  });

  test('of the reader wakes a sender that waits for room', async () => {
    const [left, right] = pair();
    await left.send({ bytes: Buffer.alloc(2 << 20), handles: [] }, {});
    const waiting = left.send(text('a'), {});
    right.close();
    await expect(waiting).rejects.toThrow(BrokenPipeError);
  });

  test('of the sender while it waits for room rejects with ClosedError', async () => {
    const [left, right] = pair();
    await left.send({ bytes: Buffer.alloc(2 << 20), handles: [] }, {});
    const waiting = left.send(text('a'), {});
    left.close();
    await expect(waiting).rejects.toThrow(ClosedError);
    expect((await right.recv({})).bytes.length).toBe(2 << 20);
    await expect(right.recv({})).rejects.toThrow(EndOfFileError);
  });

  when(globalThis.gc !== undefined)('happens by itself when an end is collected', async () => {
    const [left, other] = backend.channelPair(true).map((end) => ({ end }));
    const polling = (other as { end: Channel }).end.poll({ timeout: 10_000 });
    delete (left as { end?: Channel }).end;
    for (let done = false; !done;) {
      globalThis.gc?.();
      done = await Promise.race([polling, sleep(10, false)]);
    }
    (other as { end: Channel }).end.close();
  });
});

describe('transfers', () => {
  test('carry an end through a message; the original stays open', async () => {
    const [left, right] = pair();
    const [near, far] = pair();
    await left.send({ bytes: Buffer.from('take'), handles: [far.toTransfer()] }, {});
    const { handles } = await right.recv({});
    far.close();
    const moved = backend.channelFromTransfer(handles[0] as never, {
      readable: true,
      writable: false,
    });
    await near.send(text('a'), {});
    expect(await read(moved)).toBe('a');
    expect([moved.readable, moved.writable]).toEqual([true, false]);
    moved.close();
    await expect(near.send(text('b'), {})).rejects.toThrow(BrokenPipeError);
  });

  test('hold the end until they are discarded, which can be done twice', async () => {
    const [left, right] = pair();
    const transfer = left.toTransfer();
    left.close();
    await right.send(text('a'), {});
    transfer.discard();
    transfer.discard();
    await expect(right.recv({})).rejects.toThrow(EndOfFileError);
  });

  test('are consumed by being sent or used', async () => {
    const [left, right] = pair();
    const [, far] = pair();
    const transfer = far.toTransfer();
    await left.send({ bytes: Buffer.alloc(0), handles: [transfer] }, {});
    await expect(left.send({ bytes: Buffer.alloc(0), handles: [transfer] }, {})).rejects.toThrow(
      StateError,
    );
    const { handles } = await right.recv({});
    const mode = { readable: true, writable: true };
    backend.channelFromTransfer(handles[0] as never, mode).close();
    expect(() => backend.channelFromTransfer(handles[0] as never, mode)).toThrow(StateError);
    const foreign = { discard: () => undefined };
    expect(() => backend.channelFromTransfer(foreign, mode)).toThrow(TypeError);
    await expect(left.send({ bytes: Buffer.alloc(0), handles: [foreign] }, {})).rejects.toThrow(
      TypeError,
    );
  });

  test('stay with the sender when the message is not sent', async () => {
    const [left] = pair();
    const [near, far] = pair();
    await left.send({ bytes: Buffer.alloc(2 << 20), handles: [] }, {});
    const transfer = far.toTransfer();
    far.close();
    const message = { bytes: Buffer.alloc(0), handles: [transfer] };
    await expect(left.send(message, { timeout: 0 })).rejects.toThrow(TimeoutError);
    await near.send(text('still open'), {});
    transfer.discard();
    await expect(near.send(text('a'), {})).rejects.toThrow(BrokenPipeError);
  });

  test('die with the message that carries them, also through a channel that carries itself', async () => {
    const [left, right] = pair();
    const [near, far] = pair();
    await left.send(
      { bytes: Buffer.alloc(0), handles: [far.toTransfer(), right.toTransfer()] },
      {},
    );
    far.close();
    right.close();
    await expect(near.send(text('a'), {})).rejects.toThrow(BrokenPipeError);
    await expect(left.send(text('a'), {})).rejects.toThrow(BrokenPipeError);
  });
});

describe('what it cannot do', () => {
  test('is said with the method, the backend and the way out', () => {
    const [left] = pair();
    const now = Deadline.after(0);
    const message = text('a');
    for (const [method, call] of [
      ['sendSync', () => left.sendSync(message, now)],
      ['recvSync', () => left.recvSync(now)],
      ['pollSync', () => left.pollSync(now)],
      ['fileno', () => left.fileno()],
    ] as const) {
      expect(call).toThrow(NotSupportedError);
      expect(call).toThrow(
        new RegExp(`^${method} is not available on the fallback backend.*await`),
      );
    }
    expect(backend.forkUnavailable()).toMatch(/needs the native backend.*fallback backend/);
    expect(() => backend.attachChild()).toThrow(StateError);
  });

  test('the parent of a root is nobody', async () => {
    const peer = backend.peer(process.ppid);
    expect(peer.isAlive()).toBe(false);
    expect(await peer.wait({})).toBe(true);
    peer.release();
  });
});
