// run fork
// Any function runs in a forked process: it sees the memory as it was at the fork.
import { Pipe, Pool, Process } from 'node-multiprocessing';

const prices = new Map([
  ['tea', 3],
  ['coffee', 4],
]);

const [here, there] = Pipe();
const shop = new Process({
  name: 'shop',
  target: async () => {
    here.close(); // the child has a copy of both ends, and closes the one that it does not use
    for await (const { item, count } of there) await there.send(count * prices.get(item));
  },
});
await shop.start();
there.close();
await here.send({ item: 'tea', count: 5 });
console.log(await here.recv()); // → 15
here.close(); // the end of the stream, and so of the shop's loop
console.log(await shop.join()); // → 0

prices.set('cocoa', 5); // the pool forks its workers with the first task, so they see this
const pool = new Pool(2);
const doubled = await pool.map((item) => 2 * prices.get(item), prices.keys());
console.log(doubled.join(' ')); // → 6 8 10
pool.close();
await pool.join();
