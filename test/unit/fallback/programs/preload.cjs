// A module of the user's that Node loads before everything else: notes where it runs, and sees the guard come up.
const { appendFileSync } = require('node:fs');
const { isMainThread } = require('node:worker_threads');

appendFileSync(process.env.MP_TEST_LOADED, isMainThread ? 'main ' : 'thread ');
globalThis.guardIsUp = new Promise((resolve) => {
  process.once('worker', (guard) => guard.once('online', resolve));
});
