/** All but letters, marks, numbers, punctuation, symbols and the plain space. */
const UNSEEN = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu

/**
 * Text of a stranger between quotes, for a sentence that is shown in a terminal: what would move the cursor, turn the
 * direction of writing or be invisible is written as its code.
 */
export function quoted(text: string): string {
  const seen = JSON.stringify(text.toWellFormed()).replace(
    UNSEEN,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
  return seen
}
