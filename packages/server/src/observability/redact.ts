/**
 * The one place that knows what a secret looks like. Two nets: names of fields whose value is never written, and
 * shapes of credentials that are struck out wherever they stand in a text.
 */

/** What stands where a secret stood. */
export const REDACTED = '[redacted]'

const SECRET_NAMES =
  /^(?:authorization|proxy-authorization|cookie|set-cookie|sec-websocket-protocol|x-cliscale-secret|password|passwd|secret|secrets|env|token|apikey|api_key|api-key|sealed|code|databaseurl|database_url|privatekey|private_key)$/i

/** Field names whose plain meaning is harmless when the value is not text: an exit `code` is a number. */
const ONLY_WHEN_TEXT = /^code$/i

/** Ours and Node's, and the five characters of an SQLSTATE. */
const ERROR_CODE = /^(?:[A-Z][A-Z0-9_]{1,63}|[0-9A-Z]{5})$/

const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/cliscale\.bearer\.[\w.~+/=-]+/g, `cliscale.bearer.${REDACTED}`],
  [/\bcs[a-z]_[\w-]{16,}/g, REDACTED],
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, REDACTED],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${REDACTED}`],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@:]*:[^\s/@]*@/gi, `$1${REDACTED}@`],
  [/([?&#](?:code|token|api_?key|access_token|password)=)[^&\s"']+/gi, `$1${REDACTED}`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g, REDACTED],
]

/** Every shape holds one of these; a text without them, as most are, is clean at the cost of one look. */
const SUSPICIOUS = /cliscale\.bearer|\bcs[a-z]_|eyJ|bearer|basic|:\/\/|[?&#]|-----BEGIN/i

/** `text` without anything that has the shape of a credential. */
export function redactText(text: string): string {
  if (!SUSPICIOUS.test(text)) return text
  return SHAPES.reduce((cleaned, [shape, replacement]) => cleaned.replace(shape, replacement), text)
}

/** Names judged before. Field names come from the source, so they are few; the bound is for those that do not. */
const judged = new Map<string, boolean>()
const MAX_JUDGED = 1_000

function isSecretName(name: string): boolean {
  const known = judged.get(name)
  if (known !== undefined) return known
  const secret = SECRET_NAMES.test(name)
  if (judged.size < MAX_JUDGED) judged.set(name, secret)
  return secret
}

/** True when a field of this name and value is left out of logs. */
function isSecret(name: string, value: unknown): boolean {
  if (!isSecretName(name) || value === null || value === undefined) return false
  if (ONLY_WHEN_TEXT.test(name)) return typeof value === 'string' && !ERROR_CODE.test(value)
  return true
}

const MAX_DEPTH = 8

/**
 * A copy of `value` that may be logged: secret fields and credentials inside texts are struck out, errors become
 * plain objects with their cause, cycles and depths beyond 8 are cut.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) return '[cut]'
  if (value instanceof Error) return redactError(value, depth)
  if (value instanceof Date) return value
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1))
  return redactFields(value, depth)
}

function redactFields(fields: object, depth: number): object {
  const cleaned: Record<string, unknown> = {}
  for (const name of Object.keys(fields)) {
    const item = (fields as Readonly<Record<string, unknown>>)[name]
    const value = isSecret(name, item) ? REDACTED : redact(item, depth + 1)
    // What every object inherits, `__proto__` above all, is no place to write to.
    if (name in cleaned) Object.defineProperty(cleaned, name, { value, enumerable: true })
    else cleaned[name] = value
  }
  return cleaned
}

function redactError(error: Error, depth: number): object {
  const { name, message, stack, cause, ...attached } = error
  const more = Object.fromEntries(Object.entries(attached).map(([field, value]) => [field, brief(value)]))
  return {
    type: name,
    message: redactText(message),
    ...redactFields(more, depth),
    ...(stack === undefined ? {} : { stack: redactText(stack) }),
    ...(cause === undefined ? {} : { cause: redact(cause, depth + 1) }),
  }
}

/**
 * Libraries hang what they work with on their errors, as pg does its connection with the key that cancels its queries: of
 * whatever is no plain value only the kind is told.
 */
function brief(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Error)
    return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (
    prototype === null ||
    prototype === Object.prototype ||
    value instanceof Date ||
    ArrayBuffer.isView(value)
  )
    return value
  return `[${value.constructor.name}]`
}
