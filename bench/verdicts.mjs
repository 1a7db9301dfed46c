// What the figures say, in words: where ours is first, where it is not, and by how much. Floors are not rivals: they do less.

/** Closer than this is the same: a machine's own mood is larger. */
const NOISE = 0.05;
const OURS = new Set(['ours', 'floor, in C', 'one process']);

const isMeasured = ({ missing }) => missing === undefined;

/** How many times as long as ours, the first row, a row takes. */
const ratioOf = (result, results) => result.p50 / results[0].p50;

/** Of the rivals the one that takes the least time, and how its p50 compares with ours. */
export function closestRival({ results }) {
  const [ours] = results;
  if (ours === undefined || !isMeasured(ours)) return undefined;
  const rivals = results.filter((result) => isMeasured(result) && !OURS.has(result.group));
  if (rivals.length === 0) return undefined;
  const rival = rivals.reduce((best, each) => (each.p50 < best.p50 ? each : best));
  return { title: rival.title, ratio: ratioOf(rival, results) };
}

export function verdicts(cases) {
  const told = cases.map((each) => ({ each, rival: closestRival(each) }));
  const inGroup = (belongs) =>
    told.filter(({ rival }) => rival !== undefined && belongs(rival.ratio)).map(line);
  return [
    ...list(
      'Ours is behind',
      inGroup((ratio) => ratio < 1 - NOISE),
    ),
    ...list(
      'About the same',
      inGroup((ratio) => Math.abs(ratio - 1) <= NOISE),
    ),
    ...list(
      'Ours is ahead of all others',
      inGroup((ratio) => ratio > 1 + NOISE),
    ),
    ...list('What two workers make of it', cases.flatMap(speedUp)),
    ...list('Bytes', cases.flatMap(throughput)),
    ...list('Could not be measured here', cases.flatMap(gaps)),
  ];
}

function line({ each: { title, results }, rival }) {
  const [{ title: ours }] = results;
  const times = `${shown(rival.ratio)} times as long as “${ours}”`;
  return `${title}: the fastest other, ${rival.title}, takes ${times}`;
}

const shown = (ratio) => (ratio < 0.1 ? ratio.toPrecision(2) : ratio.toFixed(2));

function speedUp({ title, results }) {
  if (!isMeasured(results[0])) return [];
  const without = results.filter((one) => one.group === 'one process' && isMeasured(one));
  if (without.length === 0) return [];
  const times = without.map(
    (one) => `“${one.title}” takes ${shown(ratioOf(one, results))} times as long`,
  );
  return [`${title}: ${times.join(', ')}`];
}

function throughput({ title, bytes, results }) {
  if (bytes === undefined) return [];
  const rates = results
    .filter((result) => isMeasured(result) && result.p50 > 0)
    .map((result) => `${result.title} ${(bytes / result.p50 / 1e6).toFixed(2)}`);
  return [`${title}, GB/s at the p50: ${rates.join('; ')}`];
}

function gaps({ title, results }) {
  return results
    .filter((result) => !isMeasured(result))
    .map((result) => `${title}: ${result.title} (${result.missing})`);
}

function list(heading, lines) {
  if (lines.length === 0) return [];
  return [`**${heading}**`, '', ...lines.map((text) => `- ${text}`), ''];
}
