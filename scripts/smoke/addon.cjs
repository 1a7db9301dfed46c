'use strict';
// The binary that was packed loads, found as the library finds it.
const assert = require('node:assert/strict');
const path = require('node:path');

const root = path.dirname(require.resolve('node-multiprocessing/package.json'));
const file = require('node-gyp-build').resolve(root);
assert.match(path.relative(root, file), /^prebuilds/);
require(file);
