import { debuglog } from 'node:util';

/** `NODE_DEBUG=multiprocessing` shows what the package does, with the pid. */
export const log = debuglog('multiprocessing');
