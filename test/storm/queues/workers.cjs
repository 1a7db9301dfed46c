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

exports.MOST_AT_ONCE = MOST_AT_ONCE;

const pick = (list) => list[Math.floor(Math.random() * list.length)];
const upTo = (most) => 1 + Math.floor(Math.random() * most);

/** How many were put. */
const puts = [
  async (queue, items) => {
    await queue.put(items[0]);
    return 1;
  },
  async (queue, items) => {
    try {
      await queue.put(items[0], { timeout: TIMEOUT_MS });
      return 1;
    } catch (error) {
      if (!(error instanceof mp.QueueFullError)) throw error;
      return 0;
    }
  },
  (queue, items) => {
    queue.putSync(items[0]);
    return 1;
  },
  async (queue, items) => {
    await queue.putMany(items);
    return items.length;
  },
];

exports.produce = async (queue, folder, slot, life) => {
  const records = new Records(folder);
  records.wentOn(slot);
  let number = 1;
  while (!records.stop) {
    const put = pick(puts);
    const count = put === puts[3] ? upTo(MOST_AT_ONCE) : 1;
    number += await put(
      queue,
      Array.from({ length: count }, (_, i) => makeItem(life, number + i)),
    );
    records.write(records.ledger, life, number - 1);
    records.wentOn(slot);
    while (queue.qsize() > ENOUGH && !records.stop) {
      records.wentOn(slot);
      await sleep(1);
    }
  }
};

const none = (error) => {
  if (!(error instanceof mp.QueueEmptyError)) throw error;
  return [];
};
const gets = [
  async (queue) => [await queue.get()],
  async (queue) => queue.get({ timeout: TIMEOUT_MS }).then((item) => [item], none),
  (queue) => {
    try {
      return [queue.getSync({ timeout: TIMEOUT_MS })];
    } catch (error) {
      return none(error);
    }
  },
  async (queue) => {
    await mp.wait([queue], { timeout: TIMEOUT_MS });
    try {
      return [queue.getNowait()];
    } catch (error) {
      return none(error);
    }
  },
  async (queue, most) => queue.getMany(most),
];

exports.consume = async (queue, folder, slot, life) => {
  const records = new Records(folder);
  records.wentOn(slot);
  queue.close();
  for (;;) {
    const get = pick(gets);
    const most = get === gets[4] ? upTo(MOST_AT_ONCE) : 1;
    records.setInHand(slot, most);
    let items;
    try {
      items = await get(queue, most);
    } catch (error) {
      if (!(error instanceof mp.QueueClosedError)) throw error;
      records.setInHand(slot, 0);
      return;
    }
    const entries = Buffer.alloc(items.length * ENTRY);
    for (const [i, item] of items.entries()) {
      const { life: from, number, whole } = understand(item);
      entries.writeUInt32LE(from, i * ENTRY);
      entries.writeUInt32LE(number, i * ENTRY + 4);
      entries.writeUInt32LE(Number(whole), i * ENTRY + 8);
      entries.writeUInt32LE(life, i * ENTRY + 12);
    }
    fs.writeSync(records.log, entries);
    // Of a queue that delivers again they are in hand until they are done.
    if (queue instanceof mp.JoinableQueue) for (let i = 0; i < items.length; i++) queue.taskDone();
    records.setInHand(slot, 0);
    records.wentOn(slot);
  }
};
