/** Longest `allow` of a template. */
export const MAX_OPENINGS = 1_000
