import { type RefusalName, REFUSALS } from './refusals.ts'

/** What the program that unpacks tells, a line of JSON each. */
export type UnpackReport =
  /** Entries so far; `total` is null while unknown. */
  | { readonly done: number; readonly total: number | null }
  /** All is written. */
  | { readonly unpacked: true }
  /** The archive is not one to unpack. */
  | { readonly refused: RefusalName; readonly entry: string }
  /** A system call failed. */
  | { readonly failed: string }

/** Longest line, in bytes: a path of which each byte is escaped fits. */
export const MAX_REPORT_BYTES = 8_192

/** Longest path in a report, in UTF-16 code units. */
export const MAX_REPORTED_PATH = 200

/** Reads one line. The program may have been taken over by what it read: what is not exactly a report is undefined. */
export function readReport(line: string): UnpackReport | undefined {
  const json = parse(line)
  if (json.unpacked === true) return { unpacked: true }
  if (isCount(json.done) && (json.total === null || (isCount(json.total) && json.done <= json.total)))
    return { done: json.done, total: json.total }
  if (isRefusal(json.refused) && typeof json.entry === 'string' && json.entry.length <= MAX_REPORTED_PATH)
    return { refused: json.refused, entry: json.entry }
  if (typeof json.failed === 'string' && /^[A-Z][A-Z0-9_]{0,63}$/.test(json.failed))
    return { failed: json.failed }
  return undefined
}

function parse(line: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(line)
    return typeof json === 'object' && json !== null ? { ...json } : {}
  } catch {
    return {}
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isRefusal(value: unknown): value is RefusalName {
  return typeof value === 'string' && Object.hasOwn(REFUSALS, value)
}
