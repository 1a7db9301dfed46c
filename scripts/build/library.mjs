import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { rolldown } from 'rolldown';
import ts from 'typescript';
import { inRoot, root } from './paths.mjs';

const formatHost = {
  getCurrentDirectory: () => root,
  getCanonicalFileName: (name) => name,
  getNewLine: () => '\n',
};

/** What tsc makes of lib/, a module each. */
const MODULES = inRoot('.cache', 'library');
const DIST = inRoot('dist');

/** Where the library begins: for users, and for spawned children. What is first in one of these is not in the one file. */
const BEGINNINGS = ['index', 'entry/child'];
/** What spawned workers of pools are told to call. */
const WORKER_DOOR = { 'entry/pool-worker': 'pool/worker-main' };
/** What tests of the inside reach for: more doors to the same code and the same state. They are not published. */
const TEST_DOORS = [
  'backend/addon',
  'backend/fallback/index',
  'backend/index',
  'backend/message-head',
  'backend/native/lane-channel',
  'backend/native/socket-lane',
  'backend/sync-contract',
  'base/deadline',
  'base/readiness',
  'pool/pool-line',
  'serialization/bound-function',
  'serialization/function-ref',
  'serialization/function-reference',
  'serialization/serializer',
  'serialization/task-ref',
];

/**
 * lib/ → dist/: types; the code as CommonJS, in few files because every one of two hundred costs a process as it starts; and an ESM
 * wrapper over the same files, so that both kinds of user share one state.
 */
export async function buildLibrary() {
  const outputs = new Set();
  const write = (file, text) => {
    outputs.add(path.resolve(file));
    if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  const { options, fileNames } = ts.getParsedCommandLineOfConfigFile(
    inRoot('tsconfig.json'),
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: (diagnostic) => report([diagnostic]),
    },
  );
  const program = ts.createProgram(fileNames, options);
  const { diagnostics } = program.emit(undefined, (file, text) => {
    const place = file.endsWith('.js') ? MODULES : DIST;
    write(path.join(place, path.relative(DIST, file)), text);
  });
  await bundle(write);
  writeEsmWrapper(program, write);
  for (const folder of [MODULES, DIST]) removeStale(folder, outputs);
  report([...ts.getPreEmitDiagnostics(program), ...diagnostics]);
}

async function bundle(write) {
  // As the bundler names modules: a folder of them may be a link.
  const modules = realpathSync(MODULES);
  const moduleOf = (name) => path.join(modules, `${name}.js`);
  const doors = [...BEGINNINGS, ...TEST_DOORS].map((door) => [door, door]);
  doors.push(...Object.entries(WORKER_DOOR));
  const begins = new Set(BEGINNINGS.map(moduleOf));
  const bundled = await rolldown({
    input: Object.fromEntries(doors.map(([door, name]) => [door, moduleOf(name)])),
    platform: 'node',
    external: (id) => !path.isAbsolute(id) && !id.startsWith('.'),
  });
  const { output } = await bundled.generate({
    format: 'cjs',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    codeSplitting: { groups: [{ name: 'library', test: (id) => !begins.has(id) }] },
    comments: false,
  });
  for (const { fileName, code } of output) write(path.join(DIST, fileName), code);
  await bundled.close();
}

function writeEsmWrapper(program, write) {
  const checker = program.getTypeChecker();
  const index = program.getSourceFile(inRoot('lib', 'index.ts'));
  if (!index) return;
  const names = checker
    .getExportsOfModule(checker.getSymbolAtLocation(index))
    .filter((symbol) => isRuntimeValue(checker, symbol))
    .map((symbol) => symbol.name)
    .sort();
  const list = names.map((name) => `  ${name},\n`).join('');
  write(
    inRoot('dist', 'index.mjs'),
    `import api from './index.js';\n\nexport const {\n${list}} = api;\n`,
  );
  write(inRoot('dist', 'index.d.mts'), `export * from './index.js';\n`);
}

function isRuntimeValue(checker, symbol) {
  if (
    symbol.declarations?.some((declaration) => ts.isTypeOnlyImportOrExportDeclaration(declaration))
  )
    return false;
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  return (
    (target.flags & ts.SymbolFlags.Value) !== 0 && (target.flags & ts.SymbolFlags.ConstEnum) === 0
  );
}

function removeStale(folder, outputs) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile() && !outputs.has(file)) rmSync(file);
  }
}

function report(diagnostics) {
  if (diagnostics.length === 0) return;
  console.error(
    ts.formatDiagnosticsWithColorAndContext(
      ts.sortAndDeduplicateDiagnostics(diagnostics),
      formatHost,
    ),
  );
  throw new Error('the library does not compile');
}
