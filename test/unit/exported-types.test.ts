// What a program's own declarations may have to name: every type of the package in a public signature can be imported.
import path from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

const dist = path.resolve(import.meta.dirname, '..', '..', 'dist');

/** In parameters that no program gives, or what `Waitable` stands for. */
const INTERNAL = new Set([
  'CpuSources',
  'HasReadiness',
  'ParentIdentity',
  'Readiness',
  'RunningChild',
]);

test('every type in a public signature is exported', () => {
  const front = path.join(dist, 'index.d.ts');
  const program = ts.createProgram([front], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
  });
  const checker = program.getTypeChecker();
  const target = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const exported = new Set(
    checker
      .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(front)!)!)
      .map(target),
  );
  expect(exported.size).toBeGreaterThan(50);
  const missing = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isTypeReferenceNode(node)) {
      const named = checker.getSymbolAtLocation(node.typeName);
      const symbol = named && target(named);
      const isOurs = symbol?.declarations?.some(
        (declaration) =>
          declaration.getSourceFile().fileName.startsWith(dist) &&
          !ts.isTypeParameterDeclaration(declaration),
      );
      if (symbol && isOurs && !exported.has(symbol) && !INTERNAL.has(symbol.name))
        missing.add(symbol.name);
    }
    ts.forEachChild(node, visit);
  };
  for (const { declarations } of exported) declarations?.forEach(visit);
  expect([...missing].sort()).toEqual([]);
});
