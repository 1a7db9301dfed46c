import { expect, test } from 'vitest';
import { perform } from '../../../lib/pool/perform.js';
import { CallShape } from '../../../lib/pool/task.js';

const answers: Record<string, (item: number) => unknown> = {
  'at once': (item) => item,
  later: (item) => Promise.resolve(item),
};

for (const [when, answer] of Object.entries(answers)) {
  test(`each item's place is told before it is run, where the function answers ${when}`, async () => {
    let told: number | undefined;
    const places: [item: number, told: number | undefined][] = [];
    const fn = (item: number): unknown => {
      places.push([item, told]);
      return answer(item);
    };
    const results = await perform(fn, CallShape.Map, [10, 20, 30], (index) => (told = index));
    expect(results).toEqual([10, 20, 30]);
    // prettier-ignore
    expect(places).toEqual([[10, 0], [20, 1], [30, 2]]);
  });
}
