#!/usr/bin/env node
// node-gyp for prebuildify, which asks for a `rebuild` whatever is there: configures and builds instead, so that what
// `npm run build:all` has compiled with the same commands is linked and not compiled again.
import { runNodeGyp } from './native.mjs';

const [command, ...args] = process.argv.slice(2);
runNodeGyp([...(command === 'rebuild' ? ['configure', 'build'] : [command]), ...args]);
