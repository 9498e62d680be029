/** Longest time of one timer, in milliseconds: a day. Node's own bound is 24.8 days, beyond which a timer fires at once. */
export const LONGEST_TIMER_MS = 86_400_000
