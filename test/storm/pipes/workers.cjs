// What a process of the pipe storm does with its end until it is killed, or the other side is.
'use strict';
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const mp = require('node-multiprocessing');
const { makeItem } = require('../queues/messages.cjs');
const { ENTRY, Records } = require('../queues/records.cjs');
const { MOST_AT_ONCE, look, pick, receives } = require('./receives.cjs');
const { sends } = require('./sends.cjs');

/** Of `ledger`, behind how many messages of each life are in: how many empty ones. */
const EMPTIES = 100;
/** Of `board`, for each slot: whether it sends no more, and how it has ended. */
const SENT = 100;
const OUTCOME = 150;
/** How a process has ended; 0 is one that has not. */
const Ended = { normally: 1, broken: 2, early: 4, endOfFile: 8 };
/** `stop` of the board: nobody sends any more; what is in the pipe is all there will be. */
const SENDING_IS_OVER = 2;

Object.assign(exports, { EMPTIES, Ended, OUTCOME, SENDING_IS_OVER, SENT });

const isOver = (records) => records.read(records.board, 0) === SENDING_IS_OVER;

/** Among the arguments, or as a message of another pipe or queue. */
async function receiveEnd({ end, control, queue }) {
  if (end) return end;
  if (queue) return (await queue.get()).end;
  const message = await control.recv();
  control.close();
  return message.end;
}

async function sendAll(end, me) {
  const { records, slot, life, role } = me;
  const all = Object.entries(sends[role.what]).filter(
    ([name]) => !(role.receives && name.endsWith('Sync')),
  );
  const make = Object.assign((each) => makeItem(life, each, role.bits), { life });
  let number = 1;
  let empties = 0;
  while (records.read(records.board, 0) === 0 && !end.closed) {
    const [name, send] = pick(all);
    records.says(2 * slot, `sends: ${name}`);
    try {
      number += await send(end, make, number, () => empties++);
    } catch (error) {
      if (me.hasClosed && error instanceof mp.ClosedError) break;
      if (!(error instanceof mp.BrokenPipeError)) throw error;
      me.outcome |= Ended.broken;
      break;
    }
    records.write(records.ledger, life, number - 1);
    records.write(records.ledger, EMPTIES + life, empties);
    records.wentOn(slot);
    if (Math.random() < 0.05) await sleep(Math.random() * 5);
  }
  records.says(2 * slot, 'sends no more');
  records.write(records.board, SENT + slot, 1);
}

async function writeDown(items, { records, life }) {
  const entries = Buffer.alloc(items.length * ENTRY);
  for (const [i, item] of items.entries()) {
    const { life: from, number, whole } = await look(item);
    for (const [at, value] of [from, number, Number(whole), life].entries())
      entries.writeUInt32LE(value, i * ENTRY + at * 4);
  }
  fs.writeSync(records.log, entries);
}

async function receiveAll(end, me) {
  const { records, slot, role } = me;
  const all = Object.entries(receives[role.what]);
  let left = role.quits || Infinity;
  for (;;) {
    const [name, receive] = pick(all);
    const most = name === 'several' ? MOST_AT_ONCE : 1;
    records.says(2 * slot + 1, `receives: ${name}`);
    records.setInHand(slot, most);
    let items;
    // Before the look: what is put after it is not there to be read.
    const last = !role.patient && isOver(records);
    try {
      items = await receive(end, role);
    } catch (error) {
      if (!(error instanceof mp.EndOfFileError)) throw error;
      me.outcome |= Ended.endOfFile;
      break;
    }
    await writeDown(items, me);
    records.setInHand(slot, 0);
    records.wentOn(slot);
    left -= items.length;
    if (left <= 0) {
      me.outcome |= Ended.early;
      break;
    }
    if (last && items.length === 0 && !(await end.poll())) break;
  }
  records.says(2 * slot + 1, 'receives no more');
  // Also for sending: whoever waits for room there is told so.
  me.hasClosed = true;
  end.close();
}

exports.work = async (folder, slot, life, { role, ...given }) => {
  const records = new Records(folder);
  records.says(2 * slot, 'gets its end');
  const me = { records, slot, life, role, outcome: Ended.normally, hasClosed: false };
  const end = await receiveEnd(given);
  records.wentOn(slot);
  const acts = [];
  if (role.sends) acts.push(sendAll(end, me));
  else records.write(records.board, SENT + slot, 1);
  if (role.receives) acts.push(receiveAll(end, me));
  await Promise.all(acts);
  end.close();
  records.write(records.board, OUTCOME + slot, me.outcome);
};
