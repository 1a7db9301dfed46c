// One row per case: how many times as long as ours the others take, on a logarithmic scale. To the right of the line at 1 ours is
// faster. Groups differ in shape as well as in colour.

const schemes = {
  light: { ground: '#ffffff', text: '#1f2328', faint: '#d1d9e0', muted: '#59636e' },
  dark: { ground: '#0d1117', text: '#f0f6fc', faint: '#3d444d', muted: '#9198a1' },
};
const groups = [
  { name: 'ours', colour: { light: '#0969da', dark: '#4493f8' }, shape: circle },
  { name: 'CPython', colour: { light: '#1a7f37', dark: '#3fb950' }, shape: square },
  { name: 'Node.js', colour: { light: '#9a6700', dark: '#d29922' }, shape: diamond },
  { name: 'other pools', colour: { light: '#8250df', dark: '#ab7df8' }, shape: triangle },
  { name: 'one process', colour: { light: '#bc4c00', dark: '#db6d28' }, shape: ring },
  { name: 'floor, in C', colour: { light: '#59636e', dark: '#9198a1' }, shape: cross },
];

const [WIDTH, LEFT, RIGHT, TOP, ROW] = [960, 330, 24, 70, 26];
const [LEAST, MOST] = [0.1, 300];

const x = (ratio) => {
  const share = Math.log(clamp(ratio) / LEAST) / Math.log(MOST / LEAST);
  return LEFT + share * (WIDTH - LEFT - RIGHT);
};
const clamp = (ratio) => Math.min(MOST, Math.max(LEAST, ratio));

export function chart({ cases }, scheme) {
  const shown = cases.filter(({ unit, results }) => unit.isTime !== false && results[0]?.p50 > 0);
  const height = TOP + shown.length * ROW + 40;
  const bottom = TOP + shown.length * ROW;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>How many times as long as node-multiprocessing others take</title>`,
    `<rect width="100%" height="100%" fill="${schemes[scheme].ground}"/>`,
    text(
      LEFT,
      22,
      'Time taken, as a multiple of ours (p50, logarithmic): right of 1, ours is faster',
      {
        scheme,
      },
    ),
    ...legend(scheme),
    ...[0.1, 0.3, 1, 3, 10, 30, 100, 300].flatMap((ratio) => gridLine(ratio, bottom, scheme)),
    ...shown.flatMap((each, index) => row(each, TOP + index * ROW + ROW / 2, scheme)),
    '</svg>\n',
  ].join('\n');
}

function legend(scheme) {
  return groups.flatMap(({ name, colour, shape }, index) => {
    const at = LEFT + index * 102;
    return [shape(at + 5, 42, colour[scheme]), text(at + 16, 46, name, { scheme })];
  });
}

function gridLine(ratio, bottom, scheme) {
  const { faint, text: strong } = schemes[scheme];
  const at = x(ratio).toFixed(1);
  return [
    `<line x1="${at}" x2="${at}" y1="${TOP - 6}" y2="${bottom}" stroke="${ratio === 1 ? strong : faint}"/>`,
    text(at, bottom + 18, `${ratio}×`, { scheme, anchor: 'middle', muted: true }),
  ];
}

function row({ title, results }, y, scheme) {
  const ours = results[0].p50;
  const marks = results
    .filter(({ missing }) => missing === undefined)
    .map(({ title: of, group, p50 }) => {
      const { colour, shape } = groups.find(({ name }) => name === group) ?? groups[0];
      const ratio = (p50 / ours).toFixed(2);
      return `<g><title>${escape(`${of}: ${ratio}×`)}</title>${shape(x(p50 / ours), y, colour[scheme])}</g>`;
    });
  // Ours on top.
  return [text(LEFT - 14, y + 4, shorten(title), { scheme, anchor: 'end' }), ...marks.reverse()];
}

const shorten = (title) => (title.length > 52 ? `${title.slice(0, 51)}…` : title);
const escape = (raw) => raw.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

function text(at, y, raw, { scheme, anchor = 'start', muted = false }) {
  const fill = muted ? schemes[scheme].muted : schemes[scheme].text;
  return `<text x="${at}" y="${y}" fill="${fill}" text-anchor="${anchor}">${escape(raw)}</text>`;
}

function circle(cx, cy, fill) {
  return `<circle cx="${cx.toFixed(1)}" cy="${cy}" r="5" fill="${fill}"/>`;
}
function ring(cx, cy, stroke) {
  return `<circle cx="${cx.toFixed(1)}" cy="${cy}" r="4.5" fill="none" stroke="${stroke}" stroke-width="2"/>`;
}
function square(cx, cy, fill) {
  return `<rect x="${(cx - 4.5).toFixed(1)}" y="${cy - 4.5}" width="9" height="9" fill="${fill}"/>`;
}
function diamond(cx, cy, fill) {
  return polygon([cx, cy - 6, cx + 6, cy, cx, cy + 6, cx - 6, cy], fill);
}
function triangle(cx, cy, fill) {
  return polygon([cx, cy - 6, cx + 6, cy + 5, cx - 6, cy + 5], fill);
}
function polygon(numbers, fill) {
  return `<polygon points="${numbers.map((n) => n.toFixed(1)).join(' ')}" fill="${fill}"/>`;
}
function cross(cx, cy, stroke) {
  const [left, right] = [(cx - 4.5).toFixed(1), (cx + 4.5).toFixed(1)];
  return `<path d="M${left} ${cy - 4.5}L${right} ${cy + 4.5}M${left} ${cy + 4.5}L${right} ${cy - 4.5}" stroke="${stroke}" stroke-width="2"/>`;
}
