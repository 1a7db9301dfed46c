/** What is told of a list of times. */
export function statistics(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { samples: sorted.length, min: sorted[0], p50: at(0.5), p99: at(0.99) };
}
