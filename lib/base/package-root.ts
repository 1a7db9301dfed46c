import path from 'node:path';

let root: string | undefined;

/**
 * The folder of package.json. By the package's own name: lib/ runs as it is in tests, and as one file of dist/ when it is built.
 * @throws Error of code MODULE_NOT_FOUND where this code has been bundled into another package.
 */
export function packageRoot(): string {
  return (root ??= path.dirname(require.resolve('node-multiprocessing/package.json')));
}
