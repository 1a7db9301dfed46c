// run
// imap gives results in the order of the items as soon as they are there, and reads no further ahead than its buffer:
// the source may be endless.
import { Pool, parentProcess } from 'node-multiprocessing';

export function square(number) {
  return number * number;
}

function* naturals() {
  for (let number = 1; ; number++) yield number;
}

async function main() {
  const pool = new Pool(2);
  const firsts = [];
  for await (const result of pool.imap(square, naturals(), { buffer: 8 })) {
    if (result > 100) break; // leaving the loop drops what has not begun
    firsts.push(result);
  }
  console.log(firsts.join(' ')); // → 1 4 9 16 25 36 49 64 81 100
  pool.close();
  await pool.join();
}

if (parentProcess() === null) await main();
