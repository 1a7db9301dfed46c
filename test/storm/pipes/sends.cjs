// The ways in which a process of the pipe storm sends. Each answers how many messages are in the pipe then.
'use strict';
const mp = require('node-multiprocessing');
const { makeItem } = require('../queues/messages.cjs');
const { MOST_AT_ONCE, TIMEOUT_MS, upTo } = require('./receives.cjs');

const EMPTY = Buffer.alloc(0);

const unlessLate = (sent) =>
  sent.then(
    () => 1,
    (error) => {
      // The second is what an AbortSignal gives.
      if (!(error instanceof mp.TimeoutError) && error.name !== 'TimeoutError') throw error;
      return 0;
    },
  );
const several = async (send, count) => {
  await Promise.all(Array.from({ length: count }, (_, i) => send(i)));
  return count;
};

/** With an end of a pipe of its own, of which nobody has the other one. */
async function withEnd(end, life, number) {
  const made = makeItem(life, number);
  const message = Buffer.isBuffer(made) ? { item: made, also: [number, String(life)] } : made;
  const [inner, there] = mp.Pipe({ duplex: false });
  there.sendSync(makeItem(life, number));
  there.close();
  try {
    await end.send({ ...message, inner });
  } finally {
    inner.close();
  }
  return 1;
}

/** Those that block the thread are for who receives nothing: two that block in sending would wait for each other for ever. */
const values = {
  send: async (end, life, number) => end.send(makeItem(life, number)).then(() => 1),
  timeout: (end, life, number) =>
    unlessLate(end.send(makeItem(life, number), { timeout: TIMEOUT_MS })),
  signal: (end, life, number) =>
    unlessLate(end.send(makeItem(life, number), { signal: AbortSignal.timeout(TIMEOUT_MS) })),
  several: (end, life, number) =>
    several((i) => end.send(makeItem(life, number + i)), upTo(MOST_AT_ONCE)),
  withEnd,
  sendSync: (end, life, number) => {
    end.sendSync(makeItem(life, number));
    return 1;
  },
};

const bytesOf = (life, number) => {
  const made = makeItem(life, number);
  return Buffer.isBuffer(made) ? made : made.item;
};
const bytes = {
  sendBytes: async (end, life, number) => end.sendBytes(bytesOf(life, number)).then(() => 1),
  part: async (end, life, number) => {
    const item = bytesOf(life, number);
    const offset = upTo(100);
    const within = Buffer.concat([Buffer.alloc(offset), item, EMPTY]);
    return end.sendBytes(within, { offset, size: item.length }).then(() => 1);
  },
  timeout: (end, life, number) =>
    unlessLate(end.sendBytes(bytesOf(life, number), { timeout: TIMEOUT_MS })),
  several: (end, life, number) =>
    several((i) => end.sendBytes(bytesOf(life, number + i)), upTo(MOST_AT_ONCE)),
  empty: async (end, life, number, empties) => {
    await end.sendBytes(EMPTY);
    empties();
    return 0;
  },
  sendBytesSync: (end, life, number) => {
    end.sendBytesSync(bytesOf(life, number));
    return 1;
  },
};

module.exports = { sends: { bytes, values } };
