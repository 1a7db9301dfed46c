import assert from 'node:assert/strict';
import { Pool } from 'node-multiprocessing';

const pool = new Pool(2);
assert.deepEqual(await pool.map((value) => value * value, [1, 2, 3]), [1, 4, 9]);
pool.close();
await pool.join();
