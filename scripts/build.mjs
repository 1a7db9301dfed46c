// npm run build:all: the addon (node-gyp), only when something changed, and the library (tsc, rolldown, ESM wrapper).
//   node scripts/build.mjs [--only=native|ts] [--force]
import { withBuildLock } from './build/lock.mjs';
import { buildNative } from './build/native.mjs';

const options = process.argv.slice(2);
const wants = (part) =>
  options.includes(`--only=${part}`) || !options.some((option) => option.startsWith('--only='));

try {
  await withBuildLock(async () => {
    if (wants('native')) buildNative({ force: options.includes('--force') });
    if (wants('ts')) await (await import('./build/library.mjs')).buildLibrary();
  });
} catch (error) {
  console.error(`build failed: ${error.message}`);
  process.exitCode = 1;
}
