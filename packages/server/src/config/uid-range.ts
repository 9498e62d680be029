/** User ids from which some are taken, both ends included. */
export interface UidRange {
  readonly first: number
  readonly last: number
}

/**
 * For embedded databases where nobody says otherwise: above what directory services and containers give away, below what
 * systems keep for themselves.
 */
export const DATABASE_UIDS: UidRange = { first: 2_100_000_000, last: 2_100_065_535 }

/**
 * For sessions, the first that can be had: ranges that belong to nobody (systemd's "Users, Groups, UIDs and GIDs on systemd
 * Systems"), one with room for many sessions, and a small one for containers to which only the lower uids are mapped.
 */
export const SESSION_UIDS: readonly UidRange[] = [
  { first: 1_900_000_000, last: 1_900_065_535 },
  { first: 60_578, last: 61_183 },
]

/** Whether two ranges share an id. */
export function overlap(one: UidRange, other: UidRange): boolean {
  return one.first <= other.last && other.first <= one.last
}

/** Greatest id that every system takes: some read ids as signed numbers of 32 bits. */
const GREATEST = 2_147_483_647

/** Reads `first-last`; null when that is no range of ids of users without rights. */
export function readUidRange(text: string): UidRange | null {
  const [, first = Number.NaN, last = Number.NaN] = /^(\d{1,10})-(\d{1,10})$/.exec(text)?.map(Number) ?? []
  return first >= 1 && first <= last && last <= GREATEST ? { first, last } : null
}
