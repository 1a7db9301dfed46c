// How many system calls a message costs that flows through a queue from one process to another, everything that Node does in the
// meantime included: node bench/queue-system-calls.mjs [messages]
//
// Counted by perf where it may count, else by strace, which slows down what it counts. Two runs of different length, of which the
// difference counts: what starting and ending cost is in both.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const MORE = Number(process.argv[2] ?? 500_000);
/** More than go round in the circle. */
const FEW = 100_000;
const MODES = ['sync', 'async', 'batched', 'circle'];
const subject = path.join(import.meta.dirname, 'subjects', 'queue-flow.mjs');
const scratch = mkdtempSync(path.join(os.tmpdir(), 'mp-system-calls-'));
const output = path.join(scratch, 'counts');

const NAMED = ['futex', 'epoll_wait', 'epoll_pwait', 'read', 'write', 'fallocate', 'madvise'];
const events = ['raw_syscalls:sys_enter', ...NAMED.map((call) => `syscalls:sys_enter_${call}`)];

/** perf first: it does not slow down what it counts, and sleeping is a matter of speed. */
const counters = {
  perf: {
    command: ['perf', 'stat', '-x', ';', '-o', output, '-e', events.join(',')],
    read() {
      const rows = readFileSync(output, 'utf8').matchAll(/^(\d+);;\w+:sys_enter_?(\w*)/gm);
      const counts = new Map([...rows].map(([, n, name]) => [name || 'total', Number(n)]));
      return counts.has('total') ? counts : undefined;
    },
  },
  strace: {
    command: ['strace', '-f', '-c', '-o', output],
    read() {
      const rows = readFileSync(output, 'utf8').matchAll(
        /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$/gm,
      );
      return new Map([...rows].map(([, n, name]) => [name, Number(n)]));
    },
  },
};

function count({ command: [program, ...args], read }, mode, messages) {
  const run = [...args, process.execPath, subject, mode, String(messages)];
  const { status, error } = spawnSync(program, run, { stdio: ['ignore', 'inherit', 'ignore'] });
  if (error || status !== 0) return undefined;
  return read();
}

const name = Object.keys(counters).find((each) => count(counters[each], 'sync', 10) !== undefined);
if (name === undefined) {
  console.error('neither strace nor perf can count system calls here');
  process.exit(1);
}
console.log(`${name}, Node ${process.version}, ${MORE} messages more`);
for (const mode of MODES) {
  const few = count(counters[name], mode, FEW);
  const many = count(counters[name], mode, FEW + MORE);
  const more = [...many].map(([call, n]) => [call, n - (few.get(call) ?? 0)]);
  const total = new Map(more).get('total');
  const most = more.filter(([call, n]) => call !== 'total' && n > 0).sort(([, a], [, b]) => b - a);
  const which = most
    .slice(0, 4)
    .map(([call, n]) => `${call} ${n}`)
    .join(', ');
  console.log(`${mode.padEnd(10)} ${(total / MORE).toFixed(5)} per message (${which})`);
}
rmSync(scratch, { recursive: true });
