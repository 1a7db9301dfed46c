import { createHash } from 'node:crypto';

export function summarize(results) {
  const failures = results.filter(({ error }) => error !== undefined);
  const done = results.filter(({ error }) => error === undefined);
  const sum = (of) => done.reduce((total, result) => total + of(result), 0);
  return {
    files: done.length,
    failures,
    bytes: sum(({ bytes }) => bytes),
    compressed: sum(({ compressed }) => compressed),
  };
}

/** One hash over all results, whatever order they came in. */
export function combine(results) {
  const lines = results.map(({ name, hash, error }) => `${name} ${hash ?? error}`).sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}
