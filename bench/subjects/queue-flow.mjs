// Messages that flow from one process to another, for whoever watches: node queue-flow.mjs <mode> <messages>
import { Event, Pipe, Process, Queue, setStartMethod } from 'node-multiprocessing';

const [mode, count] = [process.argv[2], Number(process.argv[3])];

/** So many go round in a circle, so that each of the two always finds some. */
const CIRCLING = 20_000;

export async function put(queue, begin, count, mode) {
  const many = Array.from({ length: mode === 'batched' ? count : 0 }, (_, i) => i);
  await begin.wait();
  if (mode === 'batched') await queue.putMany(many);
  else if (mode === 'async') for (let i = 0; i < count; i++) await queue.put(i);
  else for (let i = 0; i < count; i++) queue.putSync(i);
}

export function send(connection, count) {
  for (let i = 0; i < count; i++) connection.sendSync(i);
}

export function handOn(from, to, count) {
  for (let i = 0; i < count; i++) to.putSync(from.getSync());
}

async function flow() {
  const [queue, begin] = [new Queue({ maxBytes: 2 ** 26 }), new Event()];
  const child = new Process({ target: put, args: [queue, begin, count, mode] });
  await child.start();
  begin.set();
  if (mode === 'batched') for (let got = 0; got < count;) got += queue.getManySync(256).length;
  else if (mode === 'async') for (let i = 0; i < count; i++) await queue.get();
  else for (let i = 0; i < count; i++) queue.getSync();
  await child.join();
}

async function pipe() {
  const [here, there] = Pipe({ duplex: false });
  const child = new Process({ target: send, args: [there, count] });
  await child.start();
  there.close();
  for (let i = 0; i < count; i++) here.recvSync();
  await child.join();
}

async function circle() {
  const [there, back] = [new Queue(), new Queue()];
  const child = new Process({ target: handOn, args: [there, back, count / 2] });
  await child.start();
  for (let i = 0; i < CIRCLING; i++) there.putSync(i);
  handOn(back, there, count / 2 - CIRCLING);
  await child.join();
}

if (process.argv[1] === import.meta.filename) {
  // Nothing but two processes and what they do.
  setStartMethod('spawn');
  await ({ circle, pipe }[mode] ?? flow)();
}
