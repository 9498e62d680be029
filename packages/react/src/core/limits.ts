/** Style sheets that have not come so long after the terminal are told as missing. */
export const STYLES_ARRIVE_MS = 1_000
