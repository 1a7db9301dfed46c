import type * as Acorn from 'acorn';
import type { AnyNode, ExportDefaultDeclaration, ExportNamedDeclaration, Pattern } from 'acorn';

/** What the text of an ES module says about its exports. */
export interface ModuleExports {
  /** Exported name → the module's own variable. */
  readonly names: ReadonlyMap<string, string>;
  /** Where V8 places the function that `export default <expression>` makes, lines and columns from 0. */
  readonly defaultPlace: { readonly line: number; readonly column: number } | undefined;
}

/** Parsing takes about a second per 2 MiB; a larger file is a bundle, which taskRef can name. */
const MAX_SOURCE_LENGTH = 8 * 1024 * 1024;
const none: ModuleExports = { names: new Map(), defaultPlace: undefined };
/** By URL: a module's text never changes once it is loaded. */
const parsed = new Map<string, ModuleExports>();

/** The exports of an ES module that is loaded under `url`; none when its text cannot be parsed. */
export function parseModule(url: string, source: string): ModuleExports {
  let found = parsed.get(url);
  if (!found) {
    found = source.length > MAX_SOURCE_LENGTH ? none : parse(source);
    parsed.set(url, found);
  }
  return found;
}

function parse(source: string): ModuleExports {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- as in source-check.ts; most programs name their functions without it
  const acorn = require('acorn') as typeof Acorn;
  let program;
  try {
    program = acorn.parse(source, { ecmaVersion: 'latest', sourceType: 'module', locations: true });
  } catch {
    return none;
  }
  const names = new Map<string, string>();
  let defaultPlace: ModuleExports['defaultPlace'];
  for (const node of program.body) {
    if (node.type === 'ExportNamedDeclaration') addNamed(node, names);
    if (node.type === 'ExportDefaultDeclaration') {
      addDefault(node, names);
      defaultPlace = placeOf(node.declaration, acorn.getLineInfo, source);
    }
  }
  return { names, defaultPlace };
}

function addNamed(node: ExportNamedDeclaration, names: Map<string, string>): void {
  // With a source it only passes on what another module exports: that module is where the function was written.
  if (node.source) return;
  for (const { local, exported } of node.specifiers) names.set(nameOf(exported), nameOf(local));
  const { declaration } = node;
  if (!declaration) return;
  if (declaration.type === 'VariableDeclaration') {
    for (const { id } of declaration.declarations) addPattern(id, names);
  } else {
    names.set(declaration.id.name, declaration.id.name);
  }
}

function nameOf(node: { type: string; name?: string; value?: unknown }): string {
  return node.type === 'Identifier' ? (node.name ?? '') : String(node.value);
}

function addPattern(pattern: Pattern | null, names: Map<string, string>): void {
  if (!pattern) return;
  if (pattern.type === 'Identifier') names.set(pattern.name, pattern.name);
  else if (pattern.type === 'ArrayPattern')
    for (const item of pattern.elements) addPattern(item, names);
  else if (pattern.type === 'AssignmentPattern') addPattern(pattern.left, names);
  else if (pattern.type === 'RestElement') addPattern(pattern.argument, names);
  else if (pattern.type === 'ObjectPattern') {
    for (const property of pattern.properties) {
      addPattern(property.type === 'RestElement' ? property : property.value, names);
    }
  }
}

function addDefault(node: ExportDefaultDeclaration, names: Map<string, string>): void {
  const { declaration } = node;
  if (declaration.type === 'Identifier') names.set('default', declaration.name);
  else if ('id' in declaration && declaration.id) names.set('default', declaration.id.name);
}

/** V8 places a function at its parameters, an arrow function or a class at its beginning. */
function placeOf(
  node: AnyNode,
  lineInfo: (input: string, offset: number) => { line: number; column: number },
  source: string,
): ModuleExports['defaultPlace'] {
  const isFunction = node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression';
  const offset = isFunction ? source.indexOf('(', node.id?.end ?? node.start) : node.start;
  const { line, column } = lineInfo(source, offset);
  return { line: line - 1, column };
}
