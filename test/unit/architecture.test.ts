// The direction of the arrows, read from the import and include lines. The table is docs/architecture.md's.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..', '..');
const MAX_LINES = 400;

const FLOOR_2 = ['errors', 'base', 'backend'];
const FLOOR_3 = [...FLOOR_2, 'names', 'serialization'];
const FLOOR_4 = [...FLOOR_3, 'loans'];
const FLOOR_5 = [...FLOOR_4, 'sync', 'connection', 'memory', 'queues', 'process'];

/** Room of lib/ → rooms it may import. A name with `:type` may be imported for its types only. */
const LIB_ROOMS: Record<string, string[]> = {
  errors: ['base:type'],
  base: ['errors:type'],
  backend: ['base', 'errors'],
  names: FLOOR_2,
  serialization: FLOOR_2,
  sync: FLOOR_3,
  loans: FLOOR_3,
  connection: FLOOR_4,
  memory: [...FLOOR_3, 'sync'],
  queues: [...FLOOR_4, 'sync'],
  process: [...FLOOR_3, 'connection'],
  pool: FLOOR_5,
  managers: FLOOR_5,
  context: [...FLOOR_5, 'pool', 'managers'],
  index: [...FLOOR_5, 'pool', 'managers', 'context'],
  entry: [...FLOOR_3, 'sync', 'connection', 'queues', 'process'],
};

const NATIVE_GROUND = ['base', 'os'];
const NATIVE_MIDDLE = [...NATIVE_GROUND, 'shm', 'ring', 'sync', 'queues'];

/** Room of native/ → rooms it may include. */
const NATIVE_ROOMS: Record<string, string[]> = {
  base: [],
  os: ['base'],
  shm: NATIVE_GROUND,
  sync: [...NATIVE_GROUND, 'shm'],
  ring: [...NATIVE_GROUND, 'shm'],
  queues: [...NATIVE_GROUND, 'shm', 'ring', 'sync'],
  wait: NATIVE_MIDDLE,
  process: NATIVE_MIDDLE,
  bind: [...NATIVE_MIDDLE, 'wait', 'process'],
};

/** Header → rooms that may include it. */
const FOREIGN_HEADERS: [RegExp, string[]][] = [
  [/^(napi|node_api|js_native_api)\.h$/, ['bind']],
  [/^uv\.h$/, ['bind', 'wait', 'process']],
];

const libFiles = filesIn('lib', /\.ts$/);
const nativeFiles = filesIn('native', /\.(h|cc)$/);

test('imports in lib/ point down', () => {
  expect(libFiles.flatMap(wrongImports)).toEqual([]);
});

test('includes in native/ point down', () => {
  expect(nativeFiles.flatMap(wrongIncludes)).toEqual([]);
});

test(`no file is longer than ${MAX_LINES} lines`, () => {
  const long = [...libFiles, ...nativeFiles].filter((file) => lines(file).length > MAX_LINES + 1);
  expect(long).toEqual([]);
});

function wrongImports(file: string): string[] {
  const from = roomOf(file);
  const allowed = LIB_ROOMS[from];
  if (!allowed) return [`${file}: ${from} is not a room of lib/`];
  return importsOf(file).flatMap(({ specifier, typeOnly }) => {
    if (!specifier.startsWith('.')) return [];
    const to = roomOf(path.posix.join(path.posix.dirname(file), specifier));
    const fine =
      to === from || allowed.includes(to) || (typeOnly && allowed.includes(`${to}:type`));
    return fine ? [] : [`${file}: ${from} must not import ${specifier}`];
  });
}

function importsOf(file: string): { specifier: string; typeOnly: boolean }[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  const statements = text.matchAll(
    /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|(?:import|require)\('(\.[^']+)'\)/gm,
  );
  return [...statements].map(([, type, from, call]) => ({
    specifier: from ?? call ?? '',
    typeOnly: type !== undefined,
  }));
}

function wrongIncludes(file: string): string[] {
  const from = roomOf(file);
  const allowed = NATIVE_ROOMS[from];
  if (!allowed) return [`${file}: ${from} is not a room of native/`];
  return lines(file).flatMap((line) => {
    const [, bracket, header = ''] = /^\s*#\s*include\s*([<"])([^>"]+)[>"]/.exec(line) ?? [];
    const fine =
      bracket === '"'
        ? [from, ...allowed].includes(roomOf(`native/${header}`))
        : mayUse(from, header);
    return fine ? [] : [`${file}: ${from} must not include ${header}`];
  });
}

function mayUse(room: string, header: string): boolean {
  return FOREIGN_HEADERS.every(([pattern, rooms]) => !pattern.test(header) || rooms.includes(room));
}

/** lib/sync/lock.ts → sync; lib/errors.ts → errors. */
function roomOf(file: string): string {
  return (file.split('/')[1] ?? '').replace(/\.(ts|js)$/, '');
}

function lines(file: string): string[] {
  return readFileSync(path.join(root, file), 'utf8').split('\n');
}

function filesIn(folder: string, pattern: RegExp): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => path.posix.join(folder, name.split(path.sep).join('/')))
    .filter((name) => pattern.test(name));
}
