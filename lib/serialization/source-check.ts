/** Whether a function's text says everything about it, so that the text alone can travel. */
import type * as Acorn from 'acorn';
import type { AnyNode, Function as FunctionNode, Property } from 'acorn';
import type * as EslintScope from 'eslint-scope';
import { globalNames } from './builtin-search.js';
import { NAME_KEEPER, moduleNames } from './source-compiler.js';

/** An expression that makes the function anew, and what stands in the way of doing so elsewhere. */
export interface SourceCheck {
  readonly expression: string;
  /** Variables of enclosing scopes that it uses. */
  readonly freeNames: readonly string[];
  /** Those of them that it only calls as one calls a keeper of names: `s(() => 1, "one")`. */
  readonly keeperNames: readonly string[];
  /** `this`, `super`, `new.target`, `import.meta`: bound to a place, not to a name. */
  readonly boundWords: readonly string[];
}

/** The check, or why the text cannot even be taken for an expression. */
export function checkSource(
  text: string,
  isCommonJs: boolean,
): SourceCheck | { readonly problem: string } {
  // Not by import(): test runners that run each file in a context of its own (Jest, Vitest's vmThreads) cannot do that for CommonJS.
  /* eslint-disable @typescript-eslint/no-require-imports -- loaded at the first need: exported functions never come here */
  const acorn = require('acorn') as typeof Acorn;
  const eslintScope = require('eslint-scope') as typeof EslintScope;
  /* eslint-enable @typescript-eslint/no-require-imports */
  const parse = (source: string): AnyNode =>
    acorn.parse(source, {
      ecmaVersion: 'latest',
      sourceType: 'script',
      ranges: true,
      allowImportExportEverywhere: true,
      allowSuperOutsideMethod: true,
    });
  let expression: string;
  let program: AnyNode;
  try {
    expression = toExpression(text, parse);
    program = parse(expression);
  } catch (error) {
    return { problem: (error as Error).message };
  }
  const manager = eslintScope.analyze(program as never, {
    ecmaVersion: 2022,
    sourceType: 'script',
    ignoreEval: true,
    childVisitorKeys: undefined as never,
    fallback: childKeys as never,
  });
  const allowed = isCommonJs ? new Set<string>(moduleNames) : new Set<string>();
  const global = manager.globalScope as EslintScope.Scope;
  const callees = new Set<unknown>(findKeeperCallees(program));
  const namesOf = (references: typeof global.through): Set<string> =>
    new Set(references.map(({ identifier }) => identifier.name));
  const used = namesOf(global.through);
  const usedOtherwise = namesOf(
    global.through.filter(({ identifier }) => !callees.has(identifier)),
  );
  if (!usedOtherwise.has(NAME_KEEPER)) used.delete(NAME_KEEPER);
  const freeNames = [...used].filter((name) => !allowed.has(name) && !globalNames().has(name));
  const keeperNames = freeNames.filter((name) => !usedOtherwise.has(name));
  return { expression, freeNames, keeperNames, boundWords: [...findBoundWords(program)] };
}

/** `(function …)`, `(class …)` or `(async x => …)`; a method `name(a) {…}` becomes a function expression. */
function toExpression(text: string, parse: (source: string) => AnyNode): string {
  const plain = `(${text}\n)`;
  try {
    parse(plain);
    return plain;
  } catch (error) {
    const method = methodIn(`({${text}\n})`, parse);
    if (method === undefined) throw error;
    return method;
  }
}

function methodIn(wrapped: string, parse: (source: string) => AnyNode): string | undefined {
  let program: AnyNode;
  try {
    program = parse(wrapped);
  } catch {
    return undefined;
  }
  const value = firstProperty(program)?.value as FunctionNode | undefined;
  if (value?.type !== 'FunctionExpression') return undefined;
  // Without its name: a method's name is not a variable inside of it, a function expression's would be.
  const start = `${value.async ? 'async ' : ''}function${value.generator ? '*' : ''} `;
  return `(${start}${wrapped.slice(value.start, value.end)})`;
}

function rootOf(program: AnyNode): AnyNode | undefined {
  const statement = program.type === 'Program' ? program.body[0] : undefined;
  return statement?.type === 'ExpressionStatement' ? statement.expression : undefined;
}

function firstProperty(program: AnyNode): Property | undefined {
  const object = rootOf(program);
  const property = object?.type === 'ObjectExpression' ? object.properties[0] : undefined;
  return property?.type === 'Property' ? property : undefined;
}

/** What is called as esbuild, and tsx by it, calls what gives a function the name it was written with: `__name(() => 1, "one")`. */
function findKeeperCallees(node: AnyNode): AnyNode[] {
  const found = childrenOf(node).flatMap(findKeeperCallees);
  if (node.type !== 'CallExpression' || node.callee.type !== 'Identifier') return found;
  const [, name, ...more] = node.arguments;
  const isKept = name?.type === 'Literal' && typeof name.value === 'string' && more.length === 0;
  return isKept ? [...found, node.callee] : found;
}

/** Words that the function would find bound to something else in another place. Functions and classes inside bind their own. */
function findBoundWords(program: AnyNode): Set<string> {
  const root = rootOf(program);
  const words = new Set<string>();
  const visit = (node: AnyNode, bound: boolean): void => {
    if (node.type === 'ThisExpression' && !bound) words.add('this');
    if (node.type === 'Super' && !bound) words.add('super');
    if (node.type === 'MetaProperty') {
      const isImport = node.meta.name === 'import';
      if (isImport || !bound) words.add(isImport ? 'import.meta' : 'new.target');
    }
    // The function itself is called without an object, so its own `this` means as little as an arrow function's.
    const isFunction = node.type === 'FunctionExpression' || node.type === 'FunctionDeclaration';
    const binds = (isFunction && node !== root) || node.type === 'ClassBody';
    for (const child of childrenOf(node)) visit(child, bound || binds);
  };
  visit(program, false);
  return words;
}

function childrenOf(node: AnyNode): AnyNode[] {
  return childKeys(node).flatMap((key) => {
    const child = (node as unknown as Record<string, unknown>)[key];
    return (Array.isArray(child) ? child : [child]).filter(isNode);
  });
}

function childKeys(node: object): string[] {
  return Object.keys(node).filter((key) => {
    const child = (node as Record<string, unknown>)[key];
    return isNode(child) || (Array.isArray(child) && child.some(isNode));
  });
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && typeof (value as AnyNode).type === 'string';
}
