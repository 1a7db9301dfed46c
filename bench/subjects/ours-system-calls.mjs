import path from 'node:path';
import { main } from './measure.mjs';
import { countSystemCalls } from './system-calls.mjs';

const flow = path.join(import.meta.dirname, 'queue-flow.mjs');
const count = (mode, messages) =>
  countSystemCalls([process.execPath, flow, mode, String(messages)]);

/** Two runs of different length, of which the difference counts: what starting and ending cost is in both. */
const perMessage =
  (mode) =>
  ({ few, more }) => [(count(mode, few + more) - count(mode, few)) / more];

const MODES = ['sync', 'async', 'batched', 'pipe', 'circle'];

await main(Object.fromEntries(MODES.map((mode) => [mode, perMessage(mode)])));
