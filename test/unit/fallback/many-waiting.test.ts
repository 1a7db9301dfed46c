// What waits in great numbers. A walk over all of them for each one would be 10^10 steps and more, and not come to its end here.
import { expect, test } from 'vitest';
import type { Message } from '../../../lib/backend/contract.js';
import { Fifo } from '../../../lib/backend/fallback/fifo.js';
import { Outbox } from '../../../lib/backend/fallback/outbox.js';
import type { Port } from '../../../lib/backend/fallback/broker-end.js';
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
