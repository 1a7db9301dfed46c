'use strict';
const assert = require('node:assert/strict');
const mp = require('node-multiprocessing');

assert.equal(typeof mp.Process, 'function');
assert.equal(typeof require('node-multiprocessing/package.json').version, 'string');

// One implementation, whichever way it is loaded.
import('node-multiprocessing').then((esm) => {
  assert.equal(esm.Process, mp.Process);
  assert.deepEqual(Object.keys(esm).sort(), Object.keys(mp).sort());
});
