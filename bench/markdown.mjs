const units = {
  milliseconds: (ms) => ms.toFixed(2),
  microseconds: (ms) => (ms * 1000).toFixed(2),
  nanoseconds: (ms) => (ms * 1e6).toFixed(0),
};

/** A table per case. The first row is ours, and `× ours` is how many times as long the others take. */
export function tables({ date, quick, machine, cases }) {
  const machineLines = Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`);
  const form = quick ? 'the quick form' : 'the full form';
  return [
    `Measured ${date.slice(0, 10)}, ${form}:`,
    '',
    ...machineLines,
    '',
    ...cases.flatMap(caseTable),
  ].join('\n');
}

function caseTable({ title, unit, results }) {
  const ours = results[0]?.p50;
  const rows = results.map((result) => {
    if (result.missing !== undefined) return `| ${result.title} | ${result.missing} | | | |`;
    const show = units[unit.title];
    const { min, p50, p99 } = result;
    const ratio = ours === undefined ? '' : (p50 / ours).toFixed(2);
    return `| ${result.title} | ${show(min)} | ${show(p50)} | ${show(p99)} | ${ratio} |`;
  });
  return [
    `### ${title[0].toUpperCase()}${title.slice(1)}`,
    '',
    `| ${unit.title} | min | p50 | p99 | × ours |`,
    '| --- | ---: | ---: | ---: | ---: |',
    ...rows,
    '',
  ];
}
