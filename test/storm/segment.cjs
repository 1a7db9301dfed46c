// What the program has of descriptors and of the shared-memory segment, read from outside of the library.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const v8 = require('node:v8');
const vm = require('node:vm');

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc');

/** native/shm/layout.h: where the header says what, and what is in a chunk. */
const MAGIC = 0x31474553504d4f4en;
const CHUNK_TABLE_OFFSET = 64;
const CHUNKS_OFFSET = 72;
const CHUNKS = 80;
const CHUNK_ENTRY = 16;
const CHUNK_SIZE = 64 * 1024;
const READY = 2;
/** Bytes of a place, by the size that its chunk names: small, large, ledger, huge. */
const PLACE = [0, 512, 8704, 512, 16384];

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

/** How many objects there are in the segment: places whose header does not say that they are free. */
function placesInUse() {
  let used = 0;
  for (const fd of segments()) {
    const header = bytesOf(fd, 0, 128);
    if (header.readBigUInt64LE(0) !== MAGIC) continue;
    const at = (field) => Number(header.readBigUInt64LE(field));
    const table = bytesOf(fd, at(CHUNK_TABLE_OFFSET), at(CHUNKS) * CHUNK_ENTRY);
    for (let chunk = 0; chunk < at(CHUNKS); chunk++) {
      if (table[chunk * CHUNK_ENTRY] !== READY) continue;
      const bytes = bytesOf(fd, at(CHUNKS_OFFSET) + chunk * CHUNK_SIZE, CHUNK_SIZE);
      const size = PLACE[table[chunk * CHUNK_ENTRY + 1]];
      for (let place = 0; place + size <= CHUNK_SIZE; place += size)
        used += (bytes[place] & 0xf) !== 0;
    }
  }
  return used;
}

function bytesOf(fd, offset, length) {
  const bytes = Buffer.alloc(length);
  assert.equal(fs.readSync(fd, bytes, 0, length, offset), length);
  return bytes;
}

module.exports = { collectGarbage, descriptors, placesInUse, segmentKiB };
