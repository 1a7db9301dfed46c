import { verdicts } from './verdicts.mjs';

const units = {
  milliseconds: (ms) => ms.toFixed(2),
  microseconds: (ms) => (ms * 1000).toFixed(2),
  nanoseconds: (ms) => (ms * 1e6).toFixed(0),
  'system calls': (count) => count.toFixed(4),
};

/** Who is ahead where, and a table per case. The first row is ours, and `× ours` is how many times as long the others take. */
export function tables({ date, quick, machine, cases, newest }) {
  const machineLines = Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`);
  const form = quick ? 'the quick form' : 'the full form';
  return [
    `Measured ${date.slice(0, 10)}, ${form}:`,
    '',
    ...machineLines,
    '',
    '### Who is ahead',
    '',
    ...verdicts(cases),
    ...cases.flatMap((each) => caseTable(each)),
    ...newestTables(newest),
  ].join('\n');
}

/** Puts the figures between the marks of a page. @throws when there are none. */
export function withFigures(page, report) {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error('the page has no marks for the figures');
  return `${page.slice(0, begin)}${BEGIN}\n\n${tables(report)}\n${page.slice(end)}`;
}

const BEGIN = '<!-- figures: written by npm run bench -->';
const END = '<!-- /figures -->';

/** The floors and CPython are the same programs there. */
function newestTables(newest) {
  if (!newest?.cases.length) return [];
  return [
    `### On Node ${newest.node}`,
    '',
    'The newest line, whose own messages are faster: the cases that pass messages or start processes, measured behind the others.',
    '',
    ...newest.cases.flatMap((each) => caseTable(each, '####')),
  ];
}

function caseTable({ title, unit, results }, heading = '###') {
  const ours = results[0]?.p50;
  const rows = results.map((result) => {
    if (result.missing !== undefined) return `| ${result.title} | not measured | | | |`;
    const show = units[unit.title];
    const { min, p50, p99 } = result;
    const ratio = ours > 0 ? (p50 / ours).toFixed(2) : '';
    return `| ${result.title} | ${show(min)} | ${show(p50)} | ${show(p99)} | ${ratio} |`;
  });
  return [
    `${heading} ${title[0].toUpperCase()}${title.slice(1)}`,
    '',
    `| ${unit.title} | min | p50 | p99 | × ours |`,
    '| --- | ---: | ---: | ---: | ---: |',
    ...rows,
    '',
  ];
}
