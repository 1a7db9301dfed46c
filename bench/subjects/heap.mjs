/** Small objects, all reachable, so many mebibytes of them. */
export function fillHeap(mebibytes) {
  const kept = [];
  const enough = mebibytes * 2 ** 20;
  while (process.memoryUsage().heapUsed < enough) {
    const part = [];
    for (let i = 0; i < 50_000; i++)
      part.push({ number: i, text: `${i}`, inner: { even: i % 2 === 0 } });
    kept.push(part);
  }
  globalThis.gc();
  return kept;
}
