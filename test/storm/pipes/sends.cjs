// The ways in which a process of the pipe storm sends what `make` makes of a number. Each answers how many messages are in the pipe then.
'use strict';
const mp = require('node-multiprocessing');
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
async function withEnd(end, make, number) {
  const made = make(number);
  const message = Buffer.isBuffer(made) ? { item: made, also: [number, String(make.life)] } : made;
  const [inner, there] = mp.Pipe({ duplex: false });
  there.sendSync(make(number));
  there.close();
  try {
    await end.send({ ...message, inner });
  } finally {
    inner.close();
  }
  return 1;
}

/** Written where it lies; another message as it is. One in a few is let go of instead, or forgotten. */
function lend(end, made) {
  const item = Buffer.isBuffer(made) ? made : made.item;
  if (Math.random() < 0.2) end.loan(upTo(1024 * 1024)).bytes[0] = 1;
  if (Math.random() < 0.2) end.loan(item.length).release();
  const loan = end.loan(item.length);
  loan.bytes.set(item);
  return loan;
}

/** Those that block the thread are for who receives nothing: two that block in sending would wait for each other for ever. */
const values = {
  send: async (end, make, number) => end.send(make(number)).then(() => 1),
  timeout: (end, make, number) => unlessLate(end.send(make(number), { timeout: TIMEOUT_MS })),
  signal: (end, make, number) =>
    unlessLate(end.send(make(number), { signal: AbortSignal.timeout(TIMEOUT_MS) })),
  several: (end, make, number) => several((i) => end.send(make(number + i)), upTo(MOST_AT_ONCE)),
  withEnd,
  sendSync: (end, make, number) => {
    end.sendSync(make(number));
    return 1;
  },
  loan: async (end, make, number) => end.sendLoan(lend(end, make(number))).then(() => 1),
  loanTimeout: async (end, make, number) => {
    const loan = lend(end, make(number));
    const sent = await unlessLate(end.sendLoan(loan, { timeout: TIMEOUT_MS }));
    if (sent === 1) return 1;
    // What was written is still there.
    if (Math.random() < 0.5) return end.sendLoan(loan).then(() => 1);
    loan.release();
    return 0;
  },
  loans: (end, make, number) =>
    several((i) => end.sendLoan(lend(end, make(number + i))), upTo(MOST_AT_ONCE)),
  loanSync: (end, make, number) => {
    end.sendLoanSync(lend(end, make(number)));
    return 1;
  },
};

const bytesOf = (make, number) => {
  const made = make(number);
  return Buffer.isBuffer(made) ? made : made.item;
};
const bytes = {
  sendBytes: async (end, make, number) => end.sendBytes(bytesOf(make, number)).then(() => 1),
  part: async (end, make, number) => {
    const item = bytesOf(make, number);
    const offset = upTo(100);
    const within = Buffer.concat([Buffer.alloc(offset), item, EMPTY]);
    return end.sendBytes(within, { offset, size: item.length }).then(() => 1);
  },
  timeout: (end, make, number) =>
    unlessLate(end.sendBytes(bytesOf(make, number), { timeout: TIMEOUT_MS })),
  several: (end, make, number) =>
    several((i) => end.sendBytes(bytesOf(make, number + i)), upTo(MOST_AT_ONCE)),
  empty: async (end, make, number, empties) => {
    await end.sendBytes(EMPTY);
    empties();
    return 0;
  },
  sendBytesSync: (end, make, number) => {
    end.sendBytesSync(bytesOf(make, number));
    return 1;
  },
};

module.exports = { sends: { bytes, values } };
