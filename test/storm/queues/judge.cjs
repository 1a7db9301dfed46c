// What became of every message of a queue of the storm.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { ENTRY } = require('./records.cjs');
const { MOST_AT_ONCE } = require('./workers.cjs');

/** Who got what, life → number → consumers in the order in which they wrote it down, and how many came behind a later one of their producer. */
function readLog(folder, lives) {
  const log = fs.readFileSync(path.join(folder, 'log'));
  const wrong = log.length % ENTRY === 0 ? [] : ['what was written down is cut off'];
  const got = Array.from({ length: lives + 1 }, () => new Map());
  /** Of a producer and a consumer the last number. */
  const newest = new Map();
  let late = 0;
  for (let at = 0; at + ENTRY <= log.length; at += ENTRY) {
    const [life, number, whole, by] = [0, 4, 8, 12].map((offset) => log.readUInt32LE(at + offset));
    if (whole !== 1) wrong.push(`message ${life}/${number} is damaged`);
    const numbers = got[life] ?? wrong.push(`nobody is ${life}`);
    if (numbers instanceof Map) numbers.set(number, [...(numbers.get(number) ?? []), by]);
    const line = `${life} ${by}`;
    if (number < (newest.get(line) ?? 0)) late++;
    else newest.set(line, number);
  }
  return { got, late, wrong };
}

/**
 * `hands`: of the killed consumers, how many each was about to get, or had got and not written down or done. Nobody else's death, and
 * nobody's standing still, excuses anything.
 */
exports.judge = ({ records, folder, lives, hands, redelivers, mayComeAgain }) => {
  const { got, late, wrong } = readLog(folder, lives);
  const sum = { promised: 0, lost: 0, again: 0 };
  /** Consumer → how many messages it had written down and others got again: of one that was not killed none may. */
  const handedOn = new Map();
  for (let life = 1; life <= lives; life++) {
    const told = records.read(records.ledger, life);
    let last = told;
    // What was put before one that was got was put as well, whether its producer has lived to say so or not.
    for (const number of got[life].keys()) last = Math.max(last, number);
    if (last > told + MOST_AT_ONCE) wrong.push(`message ${life}/${last} was not put`);
    sum.promised += last;
    for (let number = 1; number <= last; number++) if (!got[life].has(number)) sum.lost++;
    for (const [number, by] of got[life]) {
      if (by.length < 2) continue;
      if (!mayComeAgain) wrong.push(`message ${life}/${number} was got by ${by.join(', ')}`);
      sum.again += by.length - 1;
      // In the order of the log: who got it last did not hand it on, killed later or not.
      for (const each of by.slice(0, -1)) handedOn.set(each, (handedOn.get(each) ?? 0) + 1);
    }
  }
  for (const [life, count] of handedOn)
    if (count > (hands.get(life) ?? 0)) wrong.push(`${count} messages of ${life} came again`);
  const inHands = [...hands.values()].reduce((all, count) => all + count, 0);
  // What the killed had in hand comes back when others have got later ones.
  if (late > inHands) wrong.push(`${late} messages came out of order`);
  if (sum.lost > (redelivers ? 0 : inHands)) wrong.push(`${sum.lost} messages are lost`);
  return { ...sum, inHands, wrong };
};
