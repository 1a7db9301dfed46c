import path from 'node:path';
import { compileFloor } from '../tools.mjs';
import { main, timeBatches } from './measure.mjs';

/** What two calls from JavaScript into native code and back cost that do nothing there. */
function twoCalls({ rounds, batch }) {
  const library = compileFloor(path.join(import.meta.dirname, 'node-api-floor-addon.c'), {
    addon: true,
  });
  if (library === undefined) throw new Error('no C compiler here');
  const loaded = { exports: {} };
  process.dlopen(loaded, library);
  const empty = loaded.exports;
  return timeBatches(rounds, batch, () => {
    for (let i = 0; i < batch; i++) {
      empty();
      empty();
    }
  });
}

await main({ twoCalls });
