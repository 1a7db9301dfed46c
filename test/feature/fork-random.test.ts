// Random numbers around a fork: what the parent had cached before it comes out of no two processes.
import { describe, expect, it } from 'vitest';
import { cases } from '../support/start-methods.js';

const forking = cases.find(({ method }) => method === 'fork');

/** Two siblings, the twin of a fork() and their parent say what they draw; the sources have been used before, so that caches are full. */
const PROGRAM = `
const crypto = require('node:crypto');
const fs = require('node:fs');
const { Process, fork, exitNow } = require('node-multiprocessing');

const sources = {
  'Math.random': () => Math.random(),
  'crypto.randomUUID': () => crypto.randomUUID(),
  'crypto.randomUUID, not cached': () => crypto.randomUUID({ disableEntropyCache: true }),
  'crypto.randomInt': () => crypto.randomInt(2 ** 48 - 1),
  'crypto.getRandomValues': () => crypto.getRandomValues(Buffer.alloc(16)).toString('hex'),
  'crypto.randomBytes': () => crypto.randomBytes(16).toString('hex'),
};
const draw = () => Object.entries(sources).map(([name, next]) => [name, [next(), next(), next()]]);
const say = (who) => fs.writeSync(1, JSON.stringify([who, Object.fromEntries(draw())]) + '\\n');

(async () => {
  draw();
  // Both are copies of a parent that draws nothing in between.
  for (const name of ['one sibling', 'the other']) {
    const child = new Process({ target: say, args: [name] });
    await child.start();
    await child.join();
  }
  const pid = fork();
  say(pid === 0 ? 'twin' : 'parent');
  if (pid === 0) exitNow(0);
  while (fs.existsSync('/proc/' + pid)) await new Promise((resolve) => setTimeout(resolve, 5));
})();`;

type Drawn = Record<string, (number | string)[]>;

describe.runIf(forking)('random numbers after a fork [native]', () => {
  it('do not repeat in siblings, parent and twin', async () => {
    const { code, stdout, stderr } = await forking!.run(PROGRAM);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const said = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as [who: string, drawn: Drawn]);
    expect(said.map(([who]) => who).sort()).toEqual(['one sibling', 'parent', 'the other', 'twin']);
    for (const source of Object.keys(said[0]![1])) {
      const all = said.flatMap(([, drawn]) => drawn[source]!);
      expect(new Set(all).size, `${source}: ${all.join(' ')}`).toBe(4 * 3);
    }
    const numbers = said.flatMap(([, drawn]) => drawn['Math.random'] as number[]);
    expect(numbers.filter((number) => !(number >= 0 && number < 1))).toEqual([]);
  });
});
