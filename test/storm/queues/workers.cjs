// What the processes of the queue storm do until they are killed.
'use strict';
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const mp = require('node-multiprocessing');
const { makeItem, understand } = require('./messages.cjs');
const { ENTRY, Records } = require('./records.cjs');

const MOST_AT_ONCE = 8;
/** Of a queue without a bound: producers wait for so many to be got. */
const ENOUGH = 200;
const TIMEOUT_MS = 30;
/** The last item of a consumer, of a queue that cannot be closed on one side. */
const END = 'end';
/** There are no waits that block, and all that is sent goes through one process. */
const IS_FALLBACK = process.env.MULTIPROCESSING_BACKEND === 'fallback';
/** Bits of a length: up to 4 MiB, or 1 MiB. */
const BITS = IS_FALLBACK ? 20 : 22;

Object.assign(exports, { END, IS_FALLBACK, MOST_AT_ONCE });

const pick = (list) => list[Math.floor(Math.random() * list.length)];
const upTo = (most) => 1 + Math.floor(Math.random() * most);

/** Written where it lies. One in a few is let go of instead, or forgotten. */
function lend(queue, item) {
  if (!Buffer.isBuffer(item) || item.length === 0) return undefined;
  if (Math.random() < 0.2) queue.loan(upTo(1024 * 1024)).bytes[0] = 1;
  if (Math.random() < 0.2) queue.loan(item.length).release();
  const loan = queue.loan(item.length);
  loan.bytes.set(item);
  return loan;
}

const nonePut = (error) => {
  if (!(error instanceof mp.QueueFullError)) throw error;
  return 0;
};
/** How many were put. */
const puts = {
  put: async (queue, items) => {
    await queue.put(items[0]);
    return 1;
  },
  putInTime: (queue, items) => queue.put(items[0], { timeout: TIMEOUT_MS }).then(() => 1, nonePut),
  putSync: (queue, items) => {
    queue.putSync(items[0]);
    return 1;
  },
  putLoan: async (queue, items) => {
    const loan = lend(queue, items[0]);
    await (loan ? queue.putLoan(loan) : queue.put(items[0]));
    return 1;
  },
  putLoanSync: async (queue, items) => {
    const loan = lend(queue, items[0]);
    try {
      if (loan) queue.putLoanSync(loan, { timeout: TIMEOUT_MS });
      else queue.putSync(items[0], { timeout: TIMEOUT_MS });
      return 1;
    } catch (error) {
      nonePut(error);
      // What was written is still there.
      if (loan && Math.random() < 0.5) return queue.putLoan(loan).then(() => 1);
      loan?.release();
      return 0;
    }
  },
  putMany: async (queue, items) => {
    await queue.putMany(items);
    return items.length;
  },
};
/** All that a SimpleQueue has. */
const simplePuts = { put: puts.put, putSync: puts.putSync };

/** Those that there are on this backend, by name. */
const available = (ways) =>
  Object.entries(ways).filter(([name]) => !(IS_FALLBACK && name.endsWith('Sync')));

/** Until there is little enough in it. Its own size nobody says but that it is nothing, which it is now and then if all wait for it. */
async function untilFew(queue, records, slot) {
  const isSimple = queue instanceof mp.SimpleQueue;
  if (isSimple && Math.random() > 0.03) return;
  while ((isSimple ? !queue.empty() : queue.qsize() > ENOUGH) && !records.stop) {
    records.wentOn(slot);
    await sleep(1);
  }
}

exports.produce = async (queue, folder, slot, life) => {
  const records = new Records(folder);
  records.wentOn(slot);
  let number = 1;
  const all = available(queue instanceof mp.SimpleQueue ? simplePuts : puts);
  while (!records.stop) {
    const [name, put] = pick(all);
    const count = name === 'putMany' ? upTo(MOST_AT_ONCE) : 1;
    number += await put(
      queue,
      Array.from({ length: count }, (_, i) => makeItem(life, number + i, BITS)),
    );
    records.write(records.ledger, life, number - 1);
    records.wentOn(slot);
    await untilFew(queue, records, slot);
  }
};

const noneGot = (error) => {
  if (!(error instanceof mp.QueueEmptyError)) throw error;
  return [];
};
const inTime = (get) => {
  try {
    return [get()];
  } catch (error) {
    return noneGot(error);
  }
};
const gets = {
  get: async (queue) => [await queue.get()],
  getInTime: (queue) => queue.get({ timeout: TIMEOUT_MS }).then((item) => [item], noneGot),
  getSync: (queue) => inTime(() => queue.getSync({ timeout: TIMEOUT_MS })),
  getWhenReady: async (queue) => {
    await mp.wait([queue], { timeout: TIMEOUT_MS });
    return queue.get({ timeout: 0 }).then((item) => [item], noneGot);
  },
  getWhenReadySync: async (queue) => {
    await mp.wait([queue], { timeout: TIMEOUT_MS });
    return inTime(() => queue.getNowait());
  },
  getLoan: (queue) => queue.getLoan({ timeout: TIMEOUT_MS }).then((loan) => [loan], noneGot),
  getLoanSync: (queue) => inTime(() => queue.getLoanSync({ timeout: TIMEOUT_MS })),
  getMany: (queue, most) => queue.getMany(most),
};
const simpleGets = {
  get: gets.get,
  getSync: (queue) => [queue.getSync()],
  getWhenReady: async (queue) => {
    await mp.wait([queue], { timeout: TIMEOUT_MS });
    return queue.empty() ? [] : [await queue.get()];
  },
};

/** What was lent is read where it lies, and given back. */
function look(got) {
  if (!(got instanceof mp.LoanedItem)) return understand(got);
  const seen = understand(got.value);
  got.release();
  return seen;
}

/** Of a queue that delivers again they are in hand until they are done, which takes some of them long enough to be killed meanwhile. */
async function finish(queue, count, wentOn) {
  for (let i = 0; i < count; i++) {
    if (Math.random() < 0.05) await sleep(upTo(20));
    queue.taskDone();
    wentOn();
  }
}

exports.consume = async (queue, folder, slot, life) => {
  const records = new Records(folder);
  records.wentOn(slot);
  const isSimple = queue instanceof mp.SimpleQueue;
  if (!isSimple) queue.close();
  const all = available(isSimple ? simpleGets : gets);
  for (;;) {
    const [name, get] = pick(all);
    const most = name === 'getMany' ? upTo(MOST_AT_ONCE) : 1;
    records.setInHand(slot, most);
    let items;
    try {
      items = await get(queue, most);
    } catch (error) {
      if (!(error instanceof mp.QueueClosedError)) throw error;
      records.setInHand(slot, 0);
      return;
    }
    if (items[0] === END) return;
    const entries = Buffer.alloc(items.length * ENTRY);
    for (const [i, item] of items.entries()) {
      const { life: from, number, whole } = look(item);
      entries.writeUInt32LE(from, i * ENTRY);
      entries.writeUInt32LE(number, i * ENTRY + 4);
      entries.writeUInt32LE(Number(whole), i * ENTRY + 8);
      entries.writeUInt32LE(life, i * ENTRY + 12);
    }
    fs.writeSync(records.log, entries);
    if (queue instanceof mp.JoinableQueue) {
      await finish(queue, items.length, () => records.wentOn(slot));
    }
    records.setInHand(slot, 0);
    records.wentOn(slot);
  }
};
