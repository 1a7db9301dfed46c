import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { checkProgress, ProgressBar } from '../../../lib/pool/progress-bar.js';

/** A terminal that remembers what was written on it. */
function terminal(isTTY = true): { stream: NodeJS.WriteStream; written: () => string } {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  const faked = Object.assign(stream, { isTTY, columns: 120 }) as unknown as NodeJS.WriteStream;
  return { stream: faked, written: () => text };
}

test('a bar shows how far it is, with its text before it, and stays', () => {
  const { stream, written } = terminal();
  const bar = ProgressBar.show('re{bar}\nading', 4, stream);
  bar?.update({ done: 3, failed: 1, total: 4 });
  bar?.end();
  expect(written()).toMatch(/re\{bar\} ading \[=+-+\] +3\/ *4 \| +1 failed/);
});

test('without a total it counts', () => {
  const { stream, written } = terminal();
  const bar = ProgressBar.show(true, undefined, stream);
  bar?.update({ done: 7, failed: 0, total: undefined });
  bar?.end();
  expect(written()).toMatch(/7 done \| +0 failed/);
});

test('several stand below each other, and the last to end ends them all', () => {
  const { stream, written } = terminal();
  const bars = ['one', 'two'].map((label) => ProgressBar.show(label, 2, stream));
  for (const bar of bars) bar?.update({ done: 2, failed: 0, total: 2 });
  for (const bar of bars) bar?.end();
  expect(written()).toMatch(/one .*2\/ *2.*\n.*two .*2\/ *2/s);
});

test('where nobody would see it, or nobody wants it, there is none', () => {
  const { stream, written } = terminal(false);
  expect(ProgressBar.show(true, 4, stream)).toBeUndefined();
  expect(ProgressBar.show(false, 4, terminal().stream)).toBeUndefined();
  expect(ProgressBar.show(undefined, 4, terminal().stream)).toBeUndefined();
  expect(written()).toBe('');
});

test('wrong values are refused', () => {
  for (const value of [undefined, false, true, 'text']) checkProgress('progress', value);
  for (const value of [null, 1, {}])
    expect(() => {
      checkProgress('progress', value);
    }).toThrow(/^progress must be a boolean or a string/);
});
