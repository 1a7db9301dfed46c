// CPython's TestNamedResource (Lib/test/_test_multiprocessing.py).
import { expect, test } from 'vitest';
import { describeEach } from '../support/start-methods.js';

describeEach(
  'TestNamedResource',
  (testCase) => {
    test('TestNamedResource.test_global_named_resource_spawn', async () => {
      const { code, stderr } = await testCase.run(`
const { Process, Semaphore, setStartMethod } = require('node-multiprocessing');
setStartMethod('spawn', { force: true });
const resource = new Semaphore();
exports.submain = function submain() {};
if (require.main === module) {
  (async () => {
    const p = new Process({ target: exports.submain });
    await p.start();
    process.exitCode = await p.join();
  })();
}`);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    });
  },
  ({ method }) => method === 'spawn',
);
