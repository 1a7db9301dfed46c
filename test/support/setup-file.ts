// Runs in the test worker, around every test file.
import path from 'node:path';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll } from 'vitest';
import { expectNothingLeft, snapshot, type Snapshot } from './leaks.js';
import { FILE_MARKER } from './processes.js';
import { startHeartbeat } from './watchdog.js';

process.env[FILE_MARKER] = startHeartbeat(path.join(tmpdir(), '..', 'heartbeats'));

let before: Snapshot;
beforeAll(() => {
  before = snapshot();
});
afterAll(() => expectNothingLeft(before));
