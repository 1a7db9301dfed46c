const NAME_WIDTH = 40;
const COLUMN_WIDTH = 12;

/** The first subject is ours; `× ours` says how many times as long the others take. */
export function printCase({ title, unit, results, seconds }) {
  console.log(`\n${title} (measured in ${seconds} s)`);
  const head = ['min', 'p50', 'p99', '× ours', 'samples']
    .map((name) => name.padStart(COLUMN_WIDTH))
    .join('');
  console.log(`  ${unit.title.padEnd(NAME_WIDTH)}${head}`);
  const ours = results[0]?.p50;
  for (const result of results) {
    if (result.missing !== undefined) {
      console.log(`  ${result.title.padEnd(NAME_WIDTH)}  ${result.missing}`);
      continue;
    }
    const { min, p50, p99, samples } = result;
    const cells = [min, p50, p99].map((ms) => unit.show(ms));
    cells.push(!(ours > 0) ? '' : (p50 / ours).toFixed(2), String(samples));
    console.log(
      `  ${result.title.padEnd(NAME_WIDTH)}${cells.map((cell) => cell.padStart(COLUMN_WIDTH)).join('')}`,
    );
  }
}
