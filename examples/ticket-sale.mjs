// run
// Four processes sell the same five tickets, whose number is in a JSON file. Each reads the file, finds out whether there are any
// left, and writes it back. Without a lock all of them read the same number.
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Barrier, Lock, Process } from 'node-multiprocessing';

const TICKETS = 5;
const SELLERS = 4;

/** One ticket for one customer. `asked` is where the sellers meet between reading and writing, so that they are sure to collide. */
async function sell(file, asked) {
  const stock = JSON.parse(await readFile(file, 'utf8'));
  await asked?.wait();
  if (stock.left === 0) return false;
  await writeFile(file, JSON.stringify({ left: stock.left - 1 }));
  return true;
}

/** What a seller's process does, with one customer after the other: a receipt is a file. */
export async function seller({ file, receipts, lock, asked }) {
  for (let customer = 0; customer < 3; customer++) {
    const sold = await (lock ? lock.withLock(() => sell(file)) : sell(file, asked));
    await asked?.wait();
    if (sold) await writeFile(path.join(receipts, `${process.pid}-${customer}`), '');
  }
}

async function sale(safely) {
  const receipts = await mkdtemp(path.join(tmpdir(), 'ticket-sale-'));
  const file = path.join(receipts, 'stock.json');
  await writeFile(file, JSON.stringify({ left: TICKETS }));
  const rules = safely ? { lock: new Lock() } : { asked: new Barrier(SELLERS) };
  const sellers = Array.from(
    { length: SELLERS },
    () => new Process({ target: seller, args: [{ file, receipts, ...rules }] }),
  );
  for (const one of sellers) await one.start();
  for (const one of sellers) await one.join();
  const sold = (await readdir(receipts)).length - 1;
  await rm(receipts, { recursive: true });
  return sold;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(`with the lock: ${await sale(true)} of ${TICKETS} tickets sold`);
  // → with the lock: 5 of 5 tickets sold
  console.log(`without it: ${await sale(false)} of ${TICKETS} tickets sold`);
  // → without it: 12 of 5 tickets sold
}
