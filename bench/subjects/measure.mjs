// Around every subject that runs in Node: picks the measurement that was asked for, prints its times as JSON.

/** `measurements`: name → function of the size that returns milliseconds per operation. */
export async function main(measurements) {
  const [, , name, size] = process.argv;
  const samples = await measurements[name](JSON.parse(size));
  process.stdout.write(JSON.stringify(samples), () => process.exit(0));
}

/** Before anything counts, a tenth of the rounds has run, and for so long: V8 has compiled what takes a microsecond. */
const WARM_UP_MS = 100;

/** The times of single rounds, after those that do not count. */
export async function timeEach(rounds, round) {
  const samples = [];
  const warmAt = performance.now() + WARM_UP_MS;
  for (let i = 0; i < rounds / 10 || performance.now() < warmAt; i++) await round();
  for (let i = 0; i < rounds; i++) {
    const startedAt = performance.now();
    await round();
    samples.push(performance.now() - startedAt);
  }
  return samples;
}

/** The same without a promise between the rounds. */
export function timeEachSync(rounds, round) {
  const samples = [];
  const warmAt = performance.now() + WARM_UP_MS;
  for (let i = 0; i < rounds / 10 || performance.now() < warmAt; i++) round();
  for (let i = 0; i < rounds; i++) {
    const startedAt = performance.now();
    round();
    samples.push(performance.now() - startedAt);
  }
  return samples;
}

/** Milliseconds per operation of something too short to be timed alone: `round` does `batch` of them. */
export function timeBatches(rounds, batch, round) {
  return timeEachSync(rounds, round).map((ms) => ms / batch);
}
