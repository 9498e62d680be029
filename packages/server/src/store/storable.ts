import { CodedError } from '../http/coded-error.ts'
import { textProblem } from '../http/storable-text.ts'

/** First and last year of a time that PostgreSQL holds; JavaScript knows earlier ones. */
const FIRST_YEAR = -4_712
const LAST_YEAR = 275_760

/**
 * Refuses a value that PostgreSQL cannot hold, before it is sent: `pg` would silently store something else in place of half a
 * character, and a refusal of the database quotes what it got.
 *
 * @throws {CodedError} `VALIDATION_FAILED`
 */
export function assertStorable(value: unknown): void {
  const problem = problemOf(value)
  if (problem !== null) throw new CodedError('VALIDATION_FAILED', `A value of this call ${problem}.`)
}

function problemOf(value: unknown): string | null {
  switch (typeof value) {
    case 'string':
      return textProblem(value)
    case 'number':
      // Larger ones have lost digits already.
      return Number.isInteger(value) && !Number.isSafeInteger(value) ? 'is too large a number' : null
    case 'object':
      if (value instanceof Date) return dateProblem(value)
      return Array.isArray(value) ? (value.map(problemOf).find((problem) => problem !== null) ?? null) : null
    default:
      return null
  }
}

function dateProblem(date: Date): string | null {
  const year = date.getUTCFullYear()
  return year >= FIRST_YEAR && year <= LAST_YEAR ? null : 'is no time that can be kept'
}

/** JSON of what a runner said, with U+FFFD in the place of what no text may hold: its session must not hang on that. */
export function storableJson(value: object): string {
  return JSON.stringify(value, (_name, item: unknown) =>
    typeof item === 'string' ? storableText(item) : item,
  )
}

/** The same of one text. */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '�')
}
