// Counts the system calls of a command and of its children: by perf where it may count, else by strace, which slows down what it
// counts, and sleeping is a matter of speed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const counters = [
  {
    program: 'perf',
    options: (output) => ['stat', '-x', ';', '-o', output, '-e', 'raw_syscalls:sys_enter'],
    find: /^(\d+);;raw_syscalls:sys_enter/m,
  },
  {
    program: 'strace',
    options: (output) => ['-f', '-c', '-o', output],
    find: /^\s*100\.00\s+[\d.]+\s+\d+\s+(\d+)\s.*total$/m,
  },
];

/** @throws Error where neither can count, and when the command fails. */
export function countSystemCalls(command) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'mp-system-calls-'));
  try {
    const output = path.join(folder, 'counts');
    for (const { program, options, find } of counters) {
      const { status } = spawnSync(program, [...options(output), ...command], { stdio: 'ignore' });
      const counted = status === 0 ? find.exec(readFileSync(output, 'utf8')) : undefined;
      if (counted) return Number(counted[1]);
    }
    throw new Error('neither perf nor strace can count system calls here');
  } finally {
    rmSync(folder, { recursive: true });
  }
}
