/** Refused texts of one request that are listed; more are not. */
export const MAX_LISTED_TEXTS = 20

/** How deep a body is looked at: deeper than any of the API, whose schemas refuse what lies below. */
export const MAX_TEXT_DEPTH = 32

/** Earliest useful retry of a client with too many requests under way. */
export const BUSY_RETRY_AFTER_MS = 1_000

/** Problems that one refusal lists; more are not. */
export const MAX_DETAILS = 20
