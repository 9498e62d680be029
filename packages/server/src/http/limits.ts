/** Problems that one refusal lists at most. */
export const MAX_DETAILS = 20

/** Deeper than any body of the API; what lies below is refused by its schema. */
export const MAX_DEPTH = 32
