import type { HelloMessage } from '@cliscale/sdk/protocol'

import type { Ring } from './ring.ts'

/** A page that was loaded anew gets the session from its first byte up to this size; beyond it the screen is quicker. */
const MAX_FRESH_BYTES = 131_072

/** How a client is brought up to date. */
export type ResumePlan =
  | { readonly mode: 'fresh' | 'delta'; readonly offset: number }
  | { readonly mode: 'snapshot'; readonly truncatedFrom?: number }

/** Chooses the resume: exactly the missing bytes if the ring has them, everything if that is little, else the screen. */
export function planResume(wanted: HelloMessage['resume'], epoch: string, ring: Ring): ResumePlan {
  const known = wanted !== undefined && wanted.epoch === epoch && wanted.offset <= ring.head
  if (known && wanted.offset >= ring.tail) return { mode: 'delta', offset: wanted.offset }
  if (known) return { mode: 'snapshot', truncatedFrom: wanted.offset }
  return ring.head <= Math.min(ring.capacity, MAX_FRESH_BYTES)
    ? { mode: 'fresh', offset: 0 }
    : { mode: 'snapshot' }
}
