// The ways in which a process of the pipe storm receives. Each answers the messages that came, as [what came, ends in it…], and throws
// what ends the stream.
'use strict';
const mp = require('node-multiprocessing');
const { understand } = require('../queues/messages.cjs');

const TIMEOUT_MS = 30;
const MOST_AT_ONCE = 8;
const LONGEST = 5 * 1024 * 1024;

const pick = (list) => list[Math.floor(Math.random() * list.length)];
const upTo = (most) => 1 + Math.floor(Math.random() * most);

const soon = { timeout: TIMEOUT_MS };
/** Who is patient waits for ever: a wake-up or an end that is lost is a process that hangs. */
const waitOf = (patient) => (patient && Math.random() < 0.7 ? {} : soon);
/** Not with the thread blocked, by who has something to send as well. */
const blockingWaitOf = ({ patient, sends }) => waitOf(patient && !sends);
const none = (error) => {
  if (!(error instanceof mp.TimeoutError)) throw error;
  return [];
};
const attempt = (act) => {
  try {
    return [act()];
  } catch (error) {
    return none(error);
  }
};

/** Several at a time, of which the last ones may come to the end. */
async function together(receive, count, wait) {
  const settled = await Promise.allSettled(Array.from({ length: count }, () => receive(wait)));
  const got = settled.filter(({ status }) => status === 'fulfilled').map(({ value }) => value);
  for (const { reason } of settled) {
    if (reason === undefined || reason instanceof mp.TimeoutError) continue;
    if (got.length === 0) throw reason;
    // What came is written down first; the next one meets the end again.
    if (!(reason instanceof mp.EndOfFileError)) throw reason;
  }
  return got;
}

const values = {
  recv: async (end, { patient }) => end.recv(waitOf(patient)).then((value) => [value], none),
  recvSync: (end, role) => attempt(() => end.recvSync(blockingWaitOf(role))),
  poll: async (end, { patient }) =>
    (await end.poll(patient ? { timeout: Infinity } : soon))
      ? end.recv(soon).then((value) => [value], none)
      : [],
  pollSync: (end) => (end.pollSync(soon) ? attempt(() => end.recvSync(soon)) : []),
  wait: async (end, { patient }) => {
    await mp.wait([end], waitOf(patient));
    return end.recv(soon).then((value) => [value], none);
  },
  waitSync: (end) => {
    mp.waitSync([end], soon);
    return attempt(() => end.recvSync(soon));
  },
  several: async (end, { patient }) =>
    together((wait) => end.recv(wait), upTo(MOST_AT_ONCE), waitOf(patient)),
  recvLoan: async (end, { patient }) => end.recvLoan(waitOf(patient)).then((item) => [item], none),
  recvLoanSync: (end, role) => attempt(() => end.recvLoanSync(blockingWaitOf(role))),
};

/** Written where there is too little room it comes with the error. */
function tooShort(error) {
  if (error instanceof mp.BufferTooShortError) return [error.bytes];
  return none(error);
}
const target = Buffer.alloc(LONGEST);
/** Mostly long enough, at any place. */
function room() {
  const from = upTo(4096);
  return Math.random() < 0.2
    ? target.subarray(from, from + upTo(4096))
    : target.subarray(from, from + LONGEST - 4096);
}
const bytes = {
  recvBytes: async (end, { patient }) =>
    end.recvBytes(waitOf(patient)).then((value) => [value], none),
  recvBytesSync: (end, role) => attempt(() => end.recvBytesSync(blockingWaitOf(role))),
  atMost: async (end, { patient }) =>
    end
      .recvBytes({ ...waitOf(patient), maxLength: Math.random() < 0.3 ? upTo(4096) : LONGEST })
      .then((value) => [value], tooShort),
  recvBytesInto: async (end, { patient }) => {
    const into = room();
    return end
      .recvBytesInto(into, waitOf(patient))
      .then((length) => [into.subarray(0, length)], tooShort);
  },
  recvBytesIntoSync: (end, role) => {
    const into = room();
    const offset = Math.min(upTo(64), into.length);
    try {
      const length = end.recvBytesIntoSync(into, { ...blockingWaitOf(role), offset });
      return [into.subarray(offset, offset + length)];
    } catch (error) {
      return tooShort(error);
    }
  },
  wait: async (end, { patient }) => {
    await mp.wait([end], waitOf(patient));
    return end.recvBytes(soon).then((value) => [value], none);
  },
  several: async (end, { patient }) =>
    together((wait) => end.recvBytes(wait), upTo(MOST_AT_ONCE), waitOf(patient)),
};

/** Sent along: an end behind which there is the same message once more, and then nothing. */
async function innerIsWhole(inner, life, number) {
  try {
    const seen = understand(await inner.recv());
    await inner.recv(soon).then(
      () => Promise.reject(new Error('there was more')),
      (error) => {
        if (!(error instanceof mp.EndOfFileError)) throw error;
      },
    );
    return seen.whole && seen.life === life && seen.number === number;
  } catch {
    return false;
  } finally {
    inner.close();
  }
}

/** Who sent it, its number, and whether it is whole. An empty one says nothing but that it came. */
async function look(got) {
  if (got instanceof mp.LoanedItem) {
    const seen = await look(got.value);
    // Else it is left to the garbage collector.
    if (Math.random() < 0.8) got.release();
    return seen;
  }
  if (got.length === 0) return { life: 0, number: 0, whole: true };
  const seen = understand(got);
  if (got.inner && !(await innerIsWhole(got.inner, seen.life, seen.number))) seen.whole = false;
  return seen;
}

module.exports = { MOST_AT_ONCE, TIMEOUT_MS, look, pick, receives: { bytes, values }, upTo };
