// What a long run may not gather: memory, descriptors, mappings and children, of this process and of its workers.
'use strict';
const fs = require('node:fs');
const { setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');
const MIB = 2 ** 20;

/** Bytes of live JavaScript. */
exports.heapOf = () => {
  gc();
  gc();
  return process.memoryUsage().heapUsed;
};

/** Collects, and lets those who are told of it do their work. */
exports.collect = async () => {
  gc();
  await new Promise((resolve) => setImmediate(resolve));
};

/** Resident bytes; 0 of a process that has ended. */
exports.residentOf = (pid = process.pid) => {
  try {
    const [, resident] = fs.readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
    return Number(resident) * 4096;
  } catch {
    return 0;
  }
};

/** Whichever thread has started them, as long as it lives. */
exports.children = () =>
  fs.readdirSync('/proc/self/task').flatMap((tid) => {
    try {
      return fs.readFileSync(`/proc/self/task/${tid}/children`, 'utf8').split(' ').filter(Boolean);
    } catch {
      return []; // The thread has ended meanwhile.
    }
  });

exports.descriptors = () => fs.readdirSync('/proc/self/fd').length;

/** Pieces of shared memory that are mapped, named or not. */
exports.sharedMappings = () =>
  fs
    .readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => /\/memfd:|\/dev\/shm\/|\/dev\/zero/.test(line)).length;

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const inMiB = (bytes) => (bytes / MIB).toFixed(1);

/**
 * How much more the later half of the samples has than the earlier one, by their medians. The first sample is left out: a program
 * has not settled yet. @returns A line to print. @throws when it is more than `noise` bytes.
 */
exports.flat = (what, samples, noise) => {
  const settled = samples.slice(1);
  const half = settled.length >> 1;
  const [earlier, later] = [median(settled.slice(0, half)), median(settled.slice(-half))];
  const line = `${what} ${inMiB(earlier)} -> ${inMiB(later)} MiB`;
  if (later - earlier > noise) throw new Error(`grows: ${line} (${samples.map(inMiB).join(', ')})`);
  return line;
};

exports.MIB = MIB;
