// What waits in great numbers. A walk over all of them for each one would be 10^10 steps and more, and not come to its end here.
import { expect, test } from 'vitest';
import type { Message } from '../../../lib/backend/contract.js';
import { Fifo } from '../../../lib/backend/fallback/fifo.js';
import { Outbox } from '../../../lib/backend/fallback/outbox.js';
import { BrokerEnd, Port } from '../../../lib/backend/fallback/broker-end.js';
import { LocalEnd } from '../../../lib/backend/fallback/local-end.js';
import { BrokerQueue } from '../../../lib/backend/fallback/queues/broker-queue.js';
import { LocalQueue } from '../../../lib/backend/fallback/queues/local-queue.js';
import { QueueMemory } from '../../../lib/backend/fallback/queues/memory.js';
import { LocalObject } from '../../../lib/backend/fallback/sync/local-object.js';
import { Waiters } from '../../../lib/backend/fallback/sync/waiters.js';

const MANY = 200_000;

test('what comes leaves in order, or out of the middle, also when none was left in between', () => {
  const line = new Fifo<{ n: number }>();
  const [a, b, c, d] = [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }] as const;
  expect([line.first, line.size]).toEqual([undefined, 0]);
  for (const item of [a, b, c]) line.push(item);
  expect(line.first).toBe(a);
  line.delete(b);
  line.delete(a);
  expect([line.first, line.size]).toEqual([c, 1]);
  line.delete(c);
  expect(line.first).toBeUndefined();
  line.push(d);
  line.push(a);
  expect(line.first).toBe(d);
  expect([...line]).toEqual([d, a]);
});

test('messages that wait for room leave in order, and give up anywhere', async () => {
  const sent: Message[] = [];
  const nothing = (): void => undefined;
  const outbox = new Outbox('end', {
    liveness: { hold: nothing, release: nothing } as never,
    dispatch: (_end, message) => {
      sent.push(message);
      return Promise.resolve();
    },
  });
  const messages = Array.from({ length: MANY }, () => ({ bytes: Buffer.alloc(64), handles: [] }));
  const given = new AbortController();
  const sends = messages.map((message, i) =>
    outbox.send({}, message, i === MANY - 2 ? { signal: given.signal } : {}),
  );
  expect(sent.length).toBeLessThan(MANY);
  given.abort(new Error('enough'));
  await expect(sends[MANY - 2]).rejects.toThrow('enough');
  for (let seen = -1; seen < sent.length;) {
    seen = sent.length;
    outbox.credited(1000);
  }
  void sends.splice(MANY - 2, 1);
  await Promise.all(sends);
  messages.splice(MANY - 2, 1);
  expect(sent.every((message, i) => message === messages[i])).toBe(true);
  expect(sent.length).toBe(MANY - 1);
});

test('those who wait are found by who they are, and go with their process', () => {
  const ports = [{}, {}] as [Port, Port];
  const waiters = new Waiters<{ port: Port; token: number }>();
  for (let token = 0; token < MANY; token++) {
    for (const port of ports) waiters.push({ port, token });
  }
  for (let token = MANY - 1; token > 1; token--) waiters.delete(waiters.find(ports[0], token)!);
  expect(waiters.first).toEqual({ port: ports[0], token: 0 });
  expect(waiters.takeOf(ports[1])).toHaveLength(MANY);
  expect([...waiters].map(({ token }) => token)).toEqual([0, 1]);
  expect(waiters.find(ports[1], 1)).toBeUndefined();
});

const liveness = { hold: (): void => undefined, release: (): void => undefined };
const made = { kind: 'queue', value: 0, parties: 0, hasAction: false } as const;
const message = { bytes: Buffer.alloc(64), handles: [] };

test('who waits to receive gives up anywhere, and gets what comes in order', async () => {
  let asked = 0;
  const unwanted: ((removed: boolean) => void)[] = [];
  const table = {
    liveness,
    token: () => (asked += 1),
    expect: (_token: number, answer: (removed: boolean) => void) => unwanted.push(answer),
    request: (request: { op: string; count?: number }) => (wanted += request.count ?? 0),
    arrived: (reply: unknown) => reply,
  };
  let wanted = 0;
  const end = new LocalEnd('end', table as never);
  const given = new AbortController();
  const reads = Array.from({ length: MANY }, (_, i) =>
    end.recv({}, i % 2 === 0 ? { signal: given.signal } : {}),
  );
  expect(wanted).toBe(MANY);
  const refused = reads.filter((_, i) => i % 2 === 0).map((read) => read.catch(() => 'given up'));
  given.abort();
  await new Promise(setImmediate);
  expect(unwanted).toHaveLength(MANY / 2);
  for (const answer of unwanted) answer(true);
  expect(new Set(await Promise.all(refused))).toEqual(new Set(['given up']));
  for (let seq = 0; seq < MANY / 2; seq++) {
    end.handle({ op: 'push', end: 'end', seq, message: { ...message, seq } } as never);
  }
  const got = (await Promise.all(reads.filter((_, i) => i % 2 === 1))) as unknown as {
    seq: number;
  }[];
  expect(got.every(({ seq }, i) => seq === i)).toBe(true);
});

test('puts that wait for their turn give up anywhere, and are sent in order', async () => {
  let token = 0;
  const sent: number[] = [];
  const table = {
    liveness,
    token: () => (token += 1),
    catchUp: () => false,
    request: (request: { token: number }) => sent.push(request.token),
  };
  const queue = new LocalQueue('end', table as never, LocalObject.fresh(made));
  const given = new AbortController();
  const puts = Array.from({ length: MANY }, (_, i) =>
    queue.put({}, message, i % 2 === 1 ? { signal: given.signal } : {}),
  );
  const atOnce = sent.length;
  expect(atOnce).toBeLessThan(MANY / 2);
  const refused = puts.filter((_, i) => i % 2 === 1 && i >= atOnce) as Promise<unknown>[];
  const outcomes = Promise.allSettled(refused);
  given.abort();
  expect((await outcomes).every(({ status }) => status === 'rejected')).toBe(true);
  const drops = sent.splice(atOnce).length;
  for (let seen = 0; seen < sent.length; seen++) {
    queue.handle({ op: 'settled', end: 'end', token: sent[seen]!, outcome: 0 } as never);
  }
  expect(sent.length).toBe(MANY - refused.length);
  expect(drops).toBe(Math.floor(atOnce / 2));
  expect(sent.every((one, i) => i === 0 || one > sent[i - 1]!)).toBe(true);
});

test('who waits at a queue is served in order, and confirms in any', () => {
  const told: { op: string; token: number }[] = [];
  const port = new Port('process', (reply) => told.push(reply as never));
  const around = { memory: new QueueMemory(2 ** 40), settle: () => undefined };
  const queue = new BrokerQueue(new BrokerEnd('end'), made, around);
  queue.watch(port);
  const asker = (token: number): { port: Port; token: number; once: boolean } => ({
    port,
    token,
    once: false,
  });
  for (let token = 0; token < MANY; token++) queue.take({ ...asker(token), max: 1 });
  for (let token = 0; token < MANY / 2; token++) queue.drop(port, 2 * token);
  for (let token = MANY; token < 1.5 * MANY; token++) {
    queue.put({ ...asker(token), bytes: message.bytes, handles: [] });
  }
  const given = told.filter(({ op }) => op === 'given').map(({ token }) => token);
  expect(given).toHaveLength(MANY / 2);
  expect(given.every((token, i) => token === 2 * i + 1)).toBe(true);
  for (const token of given.reverse()) queue.got(port, token, true);
  expect(queue.state).toMatchObject({ size: 0 });
});
