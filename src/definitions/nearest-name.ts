/** Finds what somebody meant to write. */

/** The known name with the fewest slips away from the given one, if they are few enough to be slips. */
export function nearestName(given: string, known: Iterable<string>): string | undefined {
  const slipCountMax = Math.max(1, Math.floor(given.length / 3));
  let nearest: { name: string; slipCount: number } | undefined;
  for (const name of known) {
    if (Math.abs(name.length - given.length) > slipCountMax) continue;
    const slipCount = countSlips(given.toLowerCase(), name.toLowerCase());
    if (slipCount <= slipCountMax && slipCount < (nearest?.slipCount ?? Infinity)) nearest = { name, slipCount };
  }
  return nearest?.name;
}

/** Damerau-Levenshtein distance (optimal string alignment): letters added, left out, changed or swapped. */
export function countSlips(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const changed = cell(row, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? cell(before, j - 2) + 1 : Infinity;
      next.push(Math.min(changed, swapped, cell(row, j) + 1, cell(next, j - 1) + 1));
    }
    before = row;
    row = next;
  }
  return cell(row, b.length);
}

function cell(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
