// cpuCount() in a process that the kernel keeps on fewer CPUs than there are; quotas are in test/unit/process/cpu-count.test.ts.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runProgram } from '../support/clean-node.js';

test.runIf(process.platform === 'linux')('cpuCount() is bounded by the affinity', async () => {
  const allowed = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'));
  const { code, stdout, stderr } = await runProgram(`
    const { cpuCount } = require('node-multiprocessing');
    if (process.argv[2] === 'bound') return console.log(cpuCount());
    const { spawnSync } = require('node:child_process');
    const { stdout, stderr } = spawnSync('taskset', ['-c', '${allowed![1]!}', process.execPath, __filename, 'bound']);
    process.stdout.write(stdout);
    process.stderr.write(stderr);`);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '1\n', stderr: '' });
});
