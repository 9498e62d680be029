/** Longest text of another server that is repeated in a message, in characters. */
export const MAX_WORDS = 300

/** Bytes of another server's answer that are read. */
export const MAX_FOREIGN_BYTES = 65_536

/** Violations of the page's policy that are remembered; a page may have many that are none of ours. */
export const MAX_VIOLATIONS = 20

/** The browser tells of a violation in a task of its own, about when the request fails. */
export const VIOLATION_DELAY_MS = 50

/** Longest wait for an answer to a question that only finds out why another one failed, in milliseconds. */
export const PROBE_TIMEOUT_MS = 1_500
