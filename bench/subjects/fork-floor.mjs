import path from 'node:path';
import { compileFloor } from '../tools.mjs';
import { fillHeap } from './heap.mjs';
import { main } from './measure.mjs';

async function start({ rounds, heapMiB }) {
  // As loaded as the program that it is compared with.
  await import('node-multiprocessing');
  globalThis.kept = heapMiB > 0 ? fillHeap(heapMiB) : undefined;
  const library = compileFloor(path.join(import.meta.dirname, 'fork-floor-addon.c'), {
    addon: true,
  });
  if (library === undefined) throw new Error('no C compiler here');
  const loaded = { exports: {} };
  process.dlopen(loaded, library);
  const samples = Array.from({ length: rounds + 5 }, () => loaded.exports());
  if (samples.some((ms) => ms < 0)) throw new Error('a fork failed');
  return samples.slice(5);
}

await main({ start });
