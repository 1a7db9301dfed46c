import { expect, test, vi } from 'vitest';
import { CrashLimit } from '../../../lib/pool/crash-limit.js';

const die = (limit: CrashLimit, times: number): (string | undefined)[] =>
  Array.from({ length: times }, () => limit.diedIdle()).filter((reason) => reason !== undefined);

test('idle deaths of long ago are forgotten, those of late are not', () => {
  const now = vi.spyOn(performance, 'now');
  try {
    const limit = new CrashLimit(1);
    now.mockReturnValue(1_000);
    expect(die(limit, 3)).toEqual([]);
    now.mockReturnValue(9_000);
    expect(die(limit, 2)).toEqual([]);
    // Of the five that it bears the first three are past.
    now.mockReturnValue(11_000);
    expect(die(limit, 3)).toEqual([]);
    expect(die(limit, 1)).toEqual(['6 idle workers ended within 10 seconds']);
  } finally {
    now.mockRestore();
  }
});

test('what was done meanwhile makes up for deaths', () => {
  const limit = new CrashLimit(1);
  for (let round = 0; round < 3; round++) {
    expect(die(limit, 5)).toEqual([]);
    limit.progressed();
  }
  expect(die(limit, 6)).toHaveLength(1);
});
