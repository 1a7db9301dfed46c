// Modules as Node loads them: the test runner would rewrite them, and then they have no namespace and no place of their own.
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
const folder = path.resolve(import.meta.dirname, '..', '..', 'fixtures', 'functions');
const { load } = require(path.join(folder, 'load.cjs')) as {
  load: (url: string) => Promise<Record<string, unknown>>;
};

/** An ES module's namespace, or a CommonJS module's as `import()` gives it. */
export const loadNatively = load;

export function fixture(name: string): string {
  return path.join(folder, name);
}

export function fixtureUrl(name: string): string {
  return pathToFileURL(fixture(name)).href;
}

export function requireFixture(name: string): unknown {
  return require(fixture(name)) as unknown;
}
