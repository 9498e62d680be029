/** Small readers for JSON from the other side: each returns the value or throws `MalformedMessage`. */

/** A message that is not of the contract. `code` is for the error frame. */
export class MalformedMessage extends Error {
  readonly code = 'MALFORMED_FRAME' as const

  constructor(message: string) {
    super(message)
    this.name = 'MalformedMessage'
  }
}

/** A JSON object whose fields are not known yet. */
export type JsonObject = Readonly<Record<string, unknown>>

/** True for a JSON object; arrays and null are not. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Parses `text` as a JSON object. */
export function parseObject(text: string, what: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new MalformedMessage(`${what} is not JSON`)
  }
  if (!isObject(value)) throw new MalformedMessage(`${what} is not a JSON object`)
  return value
}

/** A safe integer of at least `min`. */
export function integer(object: JsonObject, field: string, min: number): number {
  const value = object[field]
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min) {
    throw new MalformedMessage(`${field} must be a whole number of at least ${min}`)
  }
  // JSON knows -0, which is another value than 0 and is written as one.
  return value === 0 ? 0 : value
}

/** A string of at most `maxLength` UTF-16 code units. */
export function string(object: JsonObject, field: string, maxLength: number): string {
  const value = object[field]
  if (typeof value !== 'string' || value.length > maxLength) {
    throw new MalformedMessage(`${field} must be a string of at most ${maxLength} characters`)
  }
  return value
}

/** A boolean. */
export function boolean(object: JsonObject, field: string): boolean {
  const value = object[field]
  if (typeof value !== 'boolean') throw new MalformedMessage(`${field} must be true or false`)
  return value
}

/** One of `values`. */
export function oneOf<const T extends string>(object: JsonObject, field: string, values: readonly T[]): T {
  const value = object[field]
  if (!(values as readonly unknown[]).includes(value)) {
    throw new MalformedMessage(`${field} must be one of ${values.join(', ')}`)
  }
  return value as T
}
