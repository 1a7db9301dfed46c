// What becomes of a bench's figures: the words, the tables and the chart of docs/performance.md.
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

/** The bench is JavaScript: what is used of it here. */
interface Bench {
  chart: (report: object, scheme: string) => string;
  withFigures: (page: string, report: object) => string;
  isWhole: (options: { only: string; quick: boolean; newest?: boolean }) => boolean;
  writePage: (report: object, folder: string) => void;
  statistics: (samples: number[]) => object;
  closestRival: (measured: { results: object[] }) => object | undefined;
  verdicts: (cases: object[]) => string[];
  cases: {
    name: string;
    title: string;
    unit: { show(ms: number): string };
    sizes: object;
    subjects: { file: string }[];
  }[];
}

const bench = path.resolve(import.meta.dirname, '..', '..', '..', 'bench');
const files = ['chart', 'markdown', 'page', 'statistics', 'verdicts', 'cases/index'];
const modules = await Promise.all(
  files.map((file) => import(path.join(bench, `${file}.mjs`)) as Promise<object>),
);
const { chart, withFigures, isWhole, writePage, statistics, closestRival, verdicts, cases } =
  Object.assign({}, ...modules) as Bench;

const row = (title: string, group: string, p50: number): object => ({
  ...{ title, group, samples: 3, min: p50 / 2, p50, p99: p50 * 2 },
});
const missing = (title: string, group: string): object => ({ title, group, missing: 'none here' });
const microseconds = { title: 'microseconds' };

const behind = {
  name: 'small',
  title: 'a <small> task',
  unit: microseconds,
  results: [row('ours, fork', 'ours', 0.02), row('piscina', 'other pools', 0.01)],
};
const ahead = {
  name: 'job',
  title: 'a job',
  unit: { title: 'milliseconds' },
  results: [
    row('ours, fork', 'ours', 10),
    row('alone', 'one process', 19.3),
    row('ours, spawn', 'ours', 1),
    row('CPython, Pool', 'CPython', 30),
    row('in C', 'floor, in C', 0.1),
    missing('workerpool', 'other pools'),
  ],
};
const even = {
  name: 'bytes',
  title: 'a mebibyte',
  unit: microseconds,
  bytes: 2 ** 20,
  results: [row('ours', 'ours', 0.25), row('MessagePort', 'Node.js', 0.26)],
};
const nothing = {
  name: 'no',
  title: 'nobody could',
  unit: microseconds,
  results: [missing('ours', 'ours'), row('piscina', 'other pools', 1)],
};
const report = {
  date: '2026-01-02T03:04:05.678Z',
  quick: true,
  machine: { cpu: 'a CPU', node: 'v1' },
  cases: [behind, ahead, even, nothing],
};
const PAGE = `before

<!-- figures: written by npm run bench -->
old
<!-- /figures -->

after
`;

describe('the words', () => {
  test('name wins, draws and losses by the fastest rival, which no floor and no row of ours is', () => {
    expect(closestRival(ahead)).toEqual({ title: 'CPython, Pool', ratio: 3 });
    expect(verdicts(report.cases)).toEqual([
      '**Ours is behind**',
      '',
      '- a <small> task: the fastest other, piscina, takes 0.50 times as long as “ours, fork”',
      '',
      '**About the same**',
      '',
      '- a mebibyte: the fastest other, MessagePort, takes 1.04 times as long as “ours”',
      '',
      '**Ours is ahead of all others**',
      '',
      '- a job: the fastest other, CPython, Pool, takes 3.00 times as long as “ours, fork”',
      '',
      '**What two workers make of it**',
      '',
      '- a job: “alone” takes 1.93 times as long',
      '',
      '**Bytes**',
      '',
      '- a mebibyte, GB/s at the p50: ours 4.19; MessagePort 4.03',
      '',
      '**Could not be measured here**',
      '',
      '- a job: workerpool (none here)',
      '- nobody could: ours (none here)',
      '',
    ]);
  });

  test('say nothing of what nobody measured', () => {
    expect(closestRival(nothing)).toBeUndefined();
    expect(closestRival({ results: [] })).toBeUndefined();
    expect(verdicts([])).toEqual([]);
  });
});

describe('the page', () => {
  test('is written by whole runs alone, with the figures and the charts beside it', () => {
    const runs = ['', 'pool'].flatMap((only) => [true, false].map((quick) => ({ only, quick })));
    expect(runs.filter(isWhole)).toEqual([{ only: '', quick: false }]);
    expect(isWhole({ only: '', quick: false, newest: true })).toBe(false);
    const folder = mkdtempSync(path.join(tmpdir(), 'mp-test-'));
    try {
      const page = path.join(folder, 'performance.md');
      writeFileSync(page, PAGE);
      writePage(report, folder);
      expect(readdirSync(folder).sort()).toEqual([
        'performance-dark.svg',
        'performance-light.svg',
        'performance.json',
        'performance.md',
      ]);
      expect(readFileSync(page, 'utf8')).toBe(withFigures(PAGE, report));
      const figures: unknown = JSON.parse(readFileSync(`${folder}/performance.json`, 'utf8'));
      expect(figures).toEqual(JSON.parse(JSON.stringify(report)));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('has what was measured on the newest Node behind the rest, and says nothing of it where nothing was', () => {
    const page = withFigures(PAGE, { ...report, newest: { node: 'v26.1.0', cases: [ahead] } });
    const [others, newest] = page.split('### On Node v26.1.0');
    expect(others).toContain('### A job\n');
    expect(newest).toMatch(/^[^#|]*#### A job\n\n\| milliseconds/);
    expect(newest).toContain('| CPython, Pool | 15.00 | 30.00 | 60.00 | 3.00 |');
    for (const none of [undefined, { node: 'v26.1.0', cases: [] }])
      expect(withFigures(PAGE, { ...report, newest: none })).toBe(withFigures(PAGE, report));
  });

  test('has the figures between its marks, and nothing else changed', () => {
    const page = withFigures(PAGE, report);
    expect(page).toMatch(/^before\n\n<!-- figures/);
    expect(page).toMatch(/<!-- \/figures -->\n\nafter\n$/);
    expect(page).not.toContain('old');
    expect(page).toContain('Measured 2026-01-02, the quick form:\n\n- cpu: a CPU\n- node: v1\n');
    expect(page).toContain('| piscina | 5.00 | 10.00 | 20.00 | 0.50 |');
    expect(page).toContain('| workerpool | not measured | | | |');
    // Without ours there is nothing to compare with.
    expect(page).toContain('| piscina | 500.00 | 1000.00 | 2000.00 |  |');
    expect(withFigures(page, report)).toBe(page);
  });

  test('without marks is refused', () => {
    expect(() => withFigures('no marks', report)).toThrow('no marks for the figures');
    expect(() => withFigures(PAGE.replace('<!-- /figures -->', ''), report)).toThrow('no marks');
  });
});

describe('the chart', () => {
  test.each(['light', 'dark'])(
    '%s: a mark per row that was measured, within its borders',
    (scheme) => {
      const svg = chart(report, scheme);
      expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 960 \d+"/);
      expect(svg.trimEnd()).toMatch(/<\/svg>$/);
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
      expect(svg).toContain('a &lt;small> task');
      expect(svg).toContain('<title>piscina: 0.50×</title>');
      expect(svg).not.toContain('nobody could');
      expect(svg.match(/<g><title>/g)).toHaveLength(9);
      const places = [...svg.matchAll(/c?x="([\d.]+)"/g)].map(([, x]) => Number(x));
      expect(Math.max(...places)).toBeLessThanOrEqual(960);
    },
  );

  test('differs between the schemes in colours alone', () => {
    const bare = (scheme: string): string => chart(report, scheme).replaceAll(/#[\da-f]{6}/g, '');
    expect(bare('light')).toBe(bare('dark'));
    expect(chart(report, 'light')).not.toBe(chart(report, 'dark'));
  });
});

describe('the cases', () => {
  test('each has a name of its own, sizes of both forms, and ours first', () => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    for (const { name, title, unit, sizes, subjects } of cases) {
      expect(title, name).toBeTypeOf('string');
      expect(unit.show(1), name).toMatch(/^[\d.]+$/);
      expect(sizes, name).toMatchObject({ full: {}, quick: {} });
      expect(subjects[0]?.file, name).toMatch(/^ours/);
    }
  });

  test('statistics are of all samples, in whatever order', () => {
    expect(statistics([5, 1, 3, 2, 4])).toEqual({ samples: 5, min: 1, p50: 3, p99: 5 });
    expect(statistics([7])).toEqual({ samples: 1, min: 7, p50: 7, p99: 7 });
  });
});
