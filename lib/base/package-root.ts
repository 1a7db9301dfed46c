import path from 'node:path';

/** The folder of package.json. By the package's own name: lib/ runs as it is in tests, and as one file of dist/ when it is built. */
export const packageRoot = path.dirname(require.resolve('node-multiprocessing/package.json'));
