// run
// What works with every start method and on every backend: exported functions, and a guard around the program. A spawned
// process imports this module to find the function, and must not run the program again.
import { Pipe, Pool, Process, parentProcess } from 'node-multiprocessing';

export async function upperCase(connection) {
  for await (const text of connection) await connection.send(text.toUpperCase());
}

export function digitSum(number) {
  return [...String(number)].reduce((sum, digit) => sum + Number(digit), 0);
}

async function main() {
  const [here, there] = Pipe();
  const worker = new Process({ target: upperCase, args: [there] });
  await worker.start();
  there.close();
  await here.send('hello');
  console.log(await here.recv()); // → HELLO
  worker.terminate();
  console.log(await worker.join(), worker.signalCode); // → -15 SIGTERM
  here.close();

  const pool = new Pool({ processes: 2 });
  console.log((await pool.map(digitSum, [12, 345, 6789])).join(' ')); // → 3 12 30
  pool.close();
  await pool.join();
}

if (parentProcess() === null) await main();
