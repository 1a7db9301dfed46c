/** The names of options. One that is none would be passed over in silence, and what was meant by it with it. */

/** Every name that an options type has, and no other one: the compiler sees to it. */
export type Names<O> = Readonly<Record<keyof O, true>>;

/**
 * Whose names the caller made up himself, beside ours: a subclass that hands its own options on to `super()` has some that it alone
 * knows, and an object of hooks may have anything. There only what looks like one of ours, misspelt, is refused.
 */
export const OTHERS_TOO = Symbol('other names are no mistake');

export function unknownName(
  given: object,
  known: Names<object>,
  others?: typeof OTHERS_TOO,
): { name: string; meant: string | undefined } | undefined {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(known, name)) continue;
    const meant = Object.keys(known).find((one) => isNear(plain(name), plain(one)));
    if (meant !== undefined || others !== OTHERS_TOO) return { name, meant };
  }
  return undefined;
}

/** `max_size` and `maxsize` are `maxSize`, as Python writes it. */
function plain(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}

/** So many mistakes make another word of a short one. */
function isNear(name: string, known: string): boolean {
  const most = known.length > 4 ? 2 : 1;
  return Math.abs(name.length - known.length) <= most && mistakes(name, known) <= most;
}

/** Letters that were left out, put in, taken for another or, next to each other, exchanged. */
function mistakes(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row++) {
    const next = [row];
    for (let column = 1; column <= other.length; column++) {
      const differs = one[row - 1] !== other[column - 1];
      const ways = [at(last, column) + 1, at(next, column - 1) + 1];
      ways.push(at(last, column - 1) + (differs ? 1 : 0));
      if (differs && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1])
        ways.push(at(beforeLast, column - 2) + 1);
      next.push(Math.min(...ways));
    }
    beforeLast = last;
    last = next;
  }
  return at(last, other.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
