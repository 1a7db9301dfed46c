// What the processes of the queue storm and of the pipe storm write down for the one that judges.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

/** An entry of `log`: who sent the message, its number, whether it is whole, who got it; 4 bytes each. */
const ENTRY = 16;
const LINE = 32;

/**
 * What outlives everybody: files, whose pages every process reads and writes at once. Words of `board`: whether to stop, how far each
 * slot has come, how many messages each is about to get. Of `ledger`: how many messages each life has been told are in. In `log`:
 * who got what. In `doing`: a line for each slot.
 */
class Records {
  constructor(folder) {
    this.board = fs.openSync(path.join(folder, 'board'), 'r+');
    this.ledger = fs.openSync(path.join(folder, 'ledger'), 'r+');
    this.log = fs.openSync(path.join(folder, 'log'), 'a');
    this.doing = fs.openSync(path.join(folder, 'doing'), 'r+');
    this.word = Buffer.alloc(8);
  }
  static make(folder) {
    fs.mkdirSync(folder);
    for (const name of ['board', 'ledger', 'log', 'doing'])
      fs.writeFileSync(path.join(folder, name), '');
    return new Records(folder);
  }
  read(file, at) {
    return fs.readSync(file, this.word, 0, 8, at * 8) === 8
      ? Number(this.word.readBigUInt64LE())
      : 0;
  }
  write(file, at, value) {
    this.word.writeBigUInt64LE(BigInt(value));
    fs.writeSync(file, this.word, 0, 8, at * 8);
  }
  get stop() {
    return this.read(this.board, 0) === 1;
  }
  set stop(value) {
    this.write(this.board, 0, Number(value));
  }
  headway(slot) {
    return this.read(this.board, 1 + 2 * slot);
  }
  wentOn(slot) {
    this.write(this.board, 1 + 2 * slot, this.headway(slot) + 1);
  }
  inHand(slot) {
    return this.read(this.board, 2 + 2 * slot);
  }
  setInHand(slot, count) {
    this.write(this.board, 2 + 2 * slot, count);
  }
  /** What it is at, for whoever finds that it hangs. */
  says(slot, what) {
    fs.writeSync(this.doing, what.padEnd(LINE - 1).slice(0, LINE - 1) + '\n', slot * LINE);
  }
  said(slot) {
    const line = Buffer.alloc(LINE);
    fs.readSync(this.doing, line, 0, LINE, slot * LINE);
    return line.toString('latin1').replaceAll('\0', ' ').trim();
  }
  close() {
    for (const file of [this.board, this.ledger, this.log, this.doing]) fs.closeSync(file);
  }
}

module.exports = { ENTRY, Records };
