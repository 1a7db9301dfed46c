// What a fork leaves behind in the memory of the parent: V8's marks, which keep its heap out of children.
import { describe, expect, it } from 'vitest';
import { cases } from '../support/start-methods.js';

const forking = cases.find(({ method }) => method === 'fork');

/** Of how many objects: with 1,500,000 it has more than the 64 MB of its own from which on the marks are worth putting back. */
const program = (objects: number): string => `
const fs = require('node:fs');
const { fork, exitNow } = require('node-multiprocessing');

const forkOnce = () => fork() === 0 && exitNow(0);

/** Where in memory a mapping begins that is marked MADV_DONTFORK: flag dc. */
const mappings = (smaps) =>
  smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).map((text) => ({
    begin: text.slice(0, text.indexOf('-')),
    marked: /^VmFlags:.* dc( |$)/m.test(text),
  }));

forkOnce(); // what only the first one does is done
const kept = Array.from({ length: ${String(objects)} }, (_, index) => ({ index }));
global.gc();
const before = fs.readFileSync('/proc/self/smaps', 'latin1');
forkOnce();
const after = fs.readFileSync('/proc/self/smaps', 'latin1');

const now = new Map(mappings(after).map(({ begin, marked }) => [begin, marked]));
const changedTo = (marked) =>
  mappings(before).filter((one) => one.marked !== marked && now.get(one.begin) === marked).length;
const marked = mappings(before).filter((mapping) => mapping.marked).length;
const [resident, shared] = fs.readFileSync('/proc/self/statm', 'latin1').split(' ').slice(1).map((pages) => pages / 256);
console.log(JSON.stringify({ resident, own: resident - shared, marked, lost: changedTo(false), gained: changedTo(true), kept: kept.length }));`;

describe.runIf(forking)('the memory of a parent [native]', () => {
  it('is marked after a fork as before: V8 keeps its heap from children', async () => {
    const { code, stdout, stderr } = await forking!.run(program(1_500_000), {
      nodeArgs: ['--expose-gc'],
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { marked, lost, gained } = JSON.parse(stdout) as Record<string, number>;
    expect(marked).toBeGreaterThan(0);
    // Lost, they make every start of a program copy the heap's page tables; gained, they take memory away from it.
    expect({ lost, gained }).toEqual({ lost: 0, gained: 0 });
  });

  it('keeps no marks where little of it is its own, however much is mapped from files', async () => {
    const { code, stdout, stderr } = await forking!.run(program(300_000), {
      nodeArgs: ['--expose-gc'],
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { resident, own, lost } = JSON.parse(stdout) as Record<string, number>;
    expect(resident).toBeGreaterThan(64);
    expect(own).toBeLessThan(64);
    expect(lost).toBeGreaterThan(0);
  });
});
