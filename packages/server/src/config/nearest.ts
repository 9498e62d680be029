/** The name that was probably meant: the one with the fewest letters to change, when a third of them at most. */
export function nearest(given: string, names: readonly string[]): string | null {
  let best: string | null = null
  let least = Math.floor(Math.max(3, given.length) / 3) + 1
  for (const name of names) {
    const changes = distance(given.toLowerCase(), name.toLowerCase())
    if (changes < least) [best, least] = [name, changes]
  }
  return best
}

/** `; perhaps "env" is meant`, or nothing. */
export function suggestion(given: string, names: readonly string[]): string {
  const name = nearest(given, names)
  return name === null ? '' : `; perhaps ${JSON.stringify(name)} is meant`
}

/** Letters to add, drop, change or swap with their neighbour (optimal string alignment). */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 8 || a.length > 100) return Number.POSITIVE_INFINITY
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const changed = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, changed)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1)
      row.push(least)
    }
    before = last
    last = row
  }
  return last[b.length] ?? 0
}
