// run
// What goes wrong in a worker, and what the caller sees of it.
import {
  Pool,
  SerializationError,
  TimeoutError,
  WorkerDiedError,
  parentProcess,
} from 'node-multiprocessing';

export function parse(text) {
  return JSON.parse(text);
}

export function crash() {
  process.kill(process.pid, 'SIGKILL');
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function adder(number) {
  return (other) => number + other;
}

async function main() {
  const pool = new Pool(1);

  // An error arrives with its class, message, code, cause and the stack of the process that threw it.
  const wrong = await pool.apply(parse, ['{']).catch((error) => error);
  console.log(wrong instanceof SyntaxError, /parse/.test(wrong.stack)); // → true true

  // A worker that dies fails exactly the task that it ran; the pool goes on with a fresh one.
  const dead = await pool.apply(crash).catch((error) => error);
  console.log(dead instanceof WorkerDiedError, dead.signalCode); // → true SIGKILL
  console.log(await pool.apply(parse, ['[1]'])); // → [ 1 ]

  // A timeout ends the wait. What the worker already does goes on; its result is dropped.
  const late = await pool.apply(sleep, [50], { timeout: 10 }).catch((error) => error);
  console.log(late instanceof TimeoutError, late.code); // → true ERR_MP_TIMEOUT

  // What cannot travel is named, with the way out.
  const stuck = await pool.apply(adder, [1]).catch((error) => error);
  console.log(stuck instanceof SerializationError, stuck.path); // → true result

  pool.close();
  await pool.join();
}

if (parentProcess() === null) await main();
