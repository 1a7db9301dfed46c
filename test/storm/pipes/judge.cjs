// What became of every message of a pipe of the storm, and how everybody who was not killed has come to an end.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { ENTRY } = require('../queues/records.cjs');
const { MOST_AT_ONCE } = require('./receives.cjs');
const { EMPTIES, Ended } = require('./workers.cjs');

const has = (worker, what) => (worker.outcome & what) !== 0;
const sum = (numbers) => numbers.reduce((all, number) => all + number, 0);

function* entriesOf(folder) {
  const log = fs.readFileSync(path.join(folder, 'log'));
  for (let at = 0; at + ENTRY <= log.length; at += ENTRY) {
    const [life, number, whole, by] = [0, 4, 8, 12].map((offset) => log.readUInt32LE(at + offset));
    yield { life, number, whole: whole === 1, by };
  }
}

/** Of one direction: those who send, those who receive, and what was written down by these. */
function judgeDirection({ senders, receivers, entries, records }) {
  const wrong = [];
  const got = new Map(senders.map(({ life }) => [life, new Set()]));
  const newest = new Map();
  let [late, empties] = [0, 0];
  for (const { life, number, whole, by } of entries) {
    const name = `message ${life}/${number}`;
    if (!whole) wrong.push(`${name} is damaged`);
    if (life === 0) {
      empties++;
      continue;
    }
    const numbers = got.get(life);
    if (!numbers) wrong.push(`nobody sent ${name}`);
    else if (numbers.has(number)) wrong.push(`${name} came twice`);
    numbers?.add(number);
    const line = `${life} ${by}`;
    if (number < (newest.get(line) ?? 0)) late++;
    else newest.set(line, number);
  }
  // What a killed one was about to get, or had got and not written down.
  const hands = sum(receivers.filter(({ killed }) => killed).map(({ inHand }) => inHand));
  if (late > hands) wrong.push(`${late} messages came out of order`);
  const toTheEnd = receivers.filter(({ killed, ...it }) => !killed && !has(it, Ended.early));
  let [promised, lost, emptiesSent] = [0, 0, 0];
  for (const { life, killed, ...sender } of senders) {
    const last = records.read(records.ledger, life);
    promised += last;
    emptiesSent += records.read(records.ledger, EMPTIES + life);
    for (let number = 1; number <= last; number++) if (!got.get(life).has(number)) lost++;
    for (const number of got.get(life))
      if (number > last + MOST_AT_ONCE) wrong.push(`message ${life}/${number} was not sent`);
    if (!killed && has(sender, Ended.broken) && toTheEnd.length > 0)
      wrong.push(`${life} was told that nobody reads, and somebody read to the end`);
  }
  const emptiesLost = Math.max(0, emptiesSent - empties);
  if (empties > emptiesSent + senders.length) wrong.push('more empty messages than were sent');
  const allLost = toTheEnd.length > 0 ? lost + emptiesLost : 0;
  if (allLost > hands) wrong.push(`${allLost} messages are lost, ${hands} were in dead hands`);
  return { wrong, messages: promised + emptiesSent, lost: allLost, inHands: hands };
}

exports.judge = ({ workers, records, folder, title, stops, took }) => {
  const wrong = [];
  const all = [...entriesOf(folder)];
  for (const worker of workers) {
    const { life, killed, outcome, role } = worker;
    worker.inHand = records.inHand(worker.slot);
    if (killed) continue;
    if (outcome === 0) wrong.push(`${life} has not said how it ended`);
    const ended = Ended.early | Ended.endOfFile;
    if (role.patient && !has(worker, ended)) wrong.push(`${life} has seen no end of the stream`);
  }
  const counts = { messages: 0, lost: 0, inHands: 0 };
  for (const side of [0, 1]) {
    const receivers = workers.filter(({ role }) => role.receives && role.side === side);
    if (receivers.length === 0) continue;
    const senders = workers.filter(({ role }) => role.sends && role.side !== side);
    const lives = receivers.map(({ life }) => life);
    const entries = all.filter(({ by }) => lives.includes(by));
    const { wrong: here, ...seen } = judgeDirection({ senders, receivers, entries, records });
    wrong.push(...here);
    for (const [name, count] of Object.entries(seen)) counts[name] += count;
  }
  const count = (what) => workers.filter((worker) => !worker.killed && has(worker, what)).length;
  return {
    wrong: wrong.map((what) => `${title}: ${what}`),
    deaths: workers.filter(({ killed }) => killed).length,
    stops,
    slowest: Math.round(took),
    ends: count(Ended.endOfFile),
    broken: count(Ended.broken),
    ...counts,
  };
};
