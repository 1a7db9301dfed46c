// The messages of the queue storm, of which every byte is checked.
'use strict';
const { crc32 } = require('node:zlib');

const LONGEST = 4 * 1024 * 1024;
const HEAD = 16;
const noise = Buffer.alloc(LONGEST + 65_536);
for (let i = 0, seed = 1; i < noise.length; i += 4) {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  noise.writeUInt32LE(seed, i);
}

/** From nothing to so many bits of a length, each order of magnitude as often. */
function makeItem(life, number, bits) {
  const length = Math.random() < 0.05 ? 0 : Math.floor(2 ** (Math.random() * bits));
  const from = Math.floor(Math.random() * 65_536);
  const item = Buffer.allocUnsafe(HEAD + length);
  noise.copy(item, HEAD, from, from + length);
  item.writeUInt32LE(life, 0);
  item.writeUInt32LE(number, 4);
  item.writeUInt32LE(length, 8);
  item.writeUInt32LE(crc32(item.subarray(HEAD), life ^ number), 12);
  // Some as structured values, which go another way.
  return length % 5 === 0 ? { item, also: [number, String(life)] } : item;
}

/** Who sent it, its number, and whether it is whole. */
function understand(given) {
  const alone = given instanceof Uint8Array;
  const { buffer, byteOffset, length } = alone ? given : given.item;
  const item = Buffer.from(buffer, byteOffset, length);
  const life = item.readUInt32LE(0);
  const number = item.readUInt32LE(4);
  const whole =
    item.length === HEAD + item.readUInt32LE(8) &&
    item.readUInt32LE(12) === crc32(item.subarray(HEAD), life ^ number) &&
    (alone || (given.also[0] === number && given.also[1] === String(life)));
  return { life, number, whole };
}

module.exports = { makeItem, understand };
