import { itemOf } from './items.mjs';
import { main, timeBatches } from './measure.mjs';

/** What it costs to copy a byte array into one of its own and to forget it, which every way of getting one does. */
const copies = ({ kind, rounds, items }) => {
  const item = itemOf(kind);
  const kept = [];
  return timeBatches(rounds, items, () => {
    for (let i = 0; i < items; i++) kept[0] = new Uint8Array(item);
  });
};

await main({ copies });
