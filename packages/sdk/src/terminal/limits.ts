/** After so long without an answer a terminal tells what it waits for, in milliseconds. */
export const SLOW_MS = 2_500

/** A token is used only while it is good for longer than this, in milliseconds. */
export const FRESH_MS = 5_000
