import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { inRoot, root } from './paths.mjs';

const formatHost = {
  getCurrentDirectory: () => root,
  getCanonicalFileName: (name) => name,
  getNewLine: () => '\n',
};

/** lib/ → dist/ as CommonJS with types, and an ESM wrapper over the same files, so that both kinds of user share one state. */
export function buildLibrary() {
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
  const { diagnostics } = program.emit(undefined, write);
  writeEsmWrapper(program, write);
  removeStale(outputs);
  report([...ts.getPreEmitDiagnostics(program), ...diagnostics]);
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

function removeStale(outputs) {
  for (const entry of readdirSync(inRoot('dist'), { recursive: true, withFileTypes: true })) {
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
