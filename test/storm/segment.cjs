// What the program has of descriptors and of the shared-memory segment, read from outside of the library.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const v8 = require('node:v8');
const vm = require('node:vm');

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc');

/** native/shm/layout.h: where the header says what, and what is in a chunk. */
const HEADER = 512;
const MAGIC = 0x31474553504d4f4en;
const LAYOUT = 8;
const LAYOUT_VERSION = 10;
const ROWS = 12;
const ROWS_OFFSET = 56;
const CHUNK_TABLE_OFFSET = 64;
const CHUNKS_OFFSET = 72;
const CHUNKS = 80;
const UNIT_TABLE_OFFSET = 96;
const ARENA_OFFSET = 104;
const UNITS_USED = 384;
const ROW = 512;
const CHUNK_ENTRY = 16;
const CHUNK_SIZE = 64 * 1024;
/** native/shm/chunk_word.h: what a chunk with places in it says that it is. */
const OPENING = 2;
const READY = 3;
const CLEARING = 4;
/** Bytes of a place, by the size that its chunk names: small, large, ledger, huge. */
const PLACE = [0, 512, 8704, 512, 16384];
const LEDGER = 1;
/** native/shm/object_header.h: what the place of no object says that it is. */
const FREE = 0;
const WITHDRAWN = 4;
/** native/ring: what a unit says that it is, and the bytes of a slab's blocks by its class. */
const UNIT = 64 * 1024;
const UNIT_ENTRY = 16;
const PASSING = 1;
const SLAB = 2;
const RUN = 3;
const BLOCK = [128, 256, 384, 640, 1152, 2176, 4224, 8320, 16512, 33024];
const UNITS_OF_SLAB = [1, 1, 1, 1, 1, 1, 1, 4, 4, 4];

const openFiles = () => fs.readdirSync('/proc/self/fd').map(Number);
const descriptors = () => openFiles().length;

function segments() {
  return openFiles().filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith('/memfd:');
    } catch {
      return false;
    }
  });
}

/** Memory that the segment takes, in KiB. */
const segmentKiB = () => segments().reduce((sum, fd) => sum + fs.fstatSync(fd).blocks / 2, 0);

/** Those with a header that says so, and what is in its fields. */
function* headers() {
  for (const fd of segments()) {
    const header = bytesOf(fd, 0, HEADER);
    if (header.readBigUInt64LE(0) !== MAGIC) continue;
    assert.equal(header.readUInt32LE(LAYOUT), LAYOUT_VERSION, 'the layout is another one');
    yield { fd, header, at: (field) => Number(header.readBigUInt64LE(field)) };
  }
}

/** How many objects there are in the segment: places whose header does not say that they are free. What a participant lists them in is its own. */
function placesInUse() {
  let used = 0;
  for (const { fd, at } of headers()) {
    const table = bytesOf(fd, at(CHUNK_TABLE_OFFSET), at(CHUNKS) * CHUNK_ENTRY);
    for (let chunk = 0; chunk < at(CHUNKS); chunk++) {
      const word = table[chunk * CHUNK_ENTRY];
      // Who reads where there is no memory makes some.
      if (![OPENING, READY, CLEARING].includes(word & 0xf)) continue;
      const bytes = bytesOf(fd, at(CHUNKS_OFFSET) + chunk * CHUNK_SIZE, CHUNK_SIZE);
      const size = PLACE[word >> 4];
      for (let place = 0; place + size <= CHUNK_SIZE; place += size) {
        const [state, kind] = [bytes[place] & 0xf, bytes[place] >> 4];
        used += state !== FREE && state !== WITHDRAWN && kind !== LEDGER;
      }
    }
  }
  return used;
}

/** How many blocks are not free, whoever has them: messages, what carries references, the rings of queues; and units that are in passing. */
function blocksInUse() {
  let used = 0;
  for (const { fd, at } of headers()) {
    const units = at(UNITS_USED);
    const table = bytesOf(fd, at(UNIT_TABLE_OFFSET), units * UNIT_ENTRY);
    for (let unit = 1; unit < units; unit++) {
      const word = table[unit * UNIT_ENTRY];
      const [state, sizeClass] = [word & 0xf, word >> 4];
      const begin = at(ARENA_OFFSET) + unit * UNIT;
      if (state === PASSING) used++;
      else if (state === RUN) used += (bytesOf(fd, begin, 1)[0] & 0xf) !== 0;
      else if (state === SLAB) {
        const bytes = bytesOf(fd, begin, UNITS_OF_SLAB[sizeClass] * UNIT);
        const size = BLOCK[sizeClass];
        for (let block = 0; block + size <= bytes.length; block += size)
          used += (bytes[block] & 0xf) !== 0;
      }
    }
  }
  return used;
}

/** How many participants there are: rows that are not free, of the living and of the dead that nobody has looked after. */
function rowsInUse() {
  let used = 0;
  for (const { fd, header, at } of headers()) {
    const rows = bytesOf(fd, at(ROWS_OFFSET), header.readUInt32LE(ROWS) * ROW);
    for (let row = 0; row < rows.length; row += ROW) used += rows[row] !== 0;
  }
  return used;
}

function bytesOf(fd, offset, length) {
  const bytes = Buffer.alloc(length);
  assert.equal(fs.readSync(fd, bytes, 0, length, offset), length);
  return bytes;
}

module.exports = {
  blocksInUse,
  collectGarbage,
  descriptors,
  placesInUse,
  rowsInUse,
  segmentKiB,
};
