import type { ErrorDetail } from '@cliscale/sdk/protocol'
import type { FastifyRequest } from 'fastify'
import { CodedError } from './coded-error.ts'
import { MAX_LISTED_TEXTS, MAX_TEXT_DEPTH } from './limits.ts'

/** Why a text can be kept nowhere, as the end of a sentence; null when it can. */
export function textProblem(text: string): string | null {
  if (text.includes('\0')) return 'holds the character U+0000, which no text may hold'
  return text.isWellFormed() ? null : 'holds half of a character (a lone surrogate), so it is no Unicode text'
}

/**
 * Refuses a request whose query or body holds text that PostgreSQL and UTF-8 cannot hold, wherever it stands, names of fields
 * included. JSON and percent-encoding can say both kinds; no schema has to remember them. The path holds ids, and what cannot
 * be one is not found.
 *
 * @throws {CodedError} `VALIDATION_FAILED`
 */
export function assertStorable({ query, body }: Pick<FastifyRequest, 'query' | 'body'>): void {
  const details = [...problemsIn(query, ''), ...problemsIn(body, '/')].slice(0, MAX_LISTED_TEXTS)
  const [first] = details
  if (first === undefined) return
  throw new CodedError('VALIDATION_FAILED', `${first.field || 'The body'} ${first.problem}.`, { details })
}

function* problemsIn(value: unknown, path: string, depth = 0): Generator<ErrorDetail> {
  if (typeof value === 'string') {
    const problem = textProblem(value)
    if (problem !== null) yield { field: path.replace(/\/$/, ''), problem }
    return
  }
  if (typeof value !== 'object' || value === null || depth > MAX_TEXT_DEPTH) return
  for (const [name, item] of Object.entries(value)) {
    const shown = `${path}${shownName(name)}`
    const problem = textProblem(name)
    if (problem !== null) yield { field: shown, problem: `has a name that ${problem}` }
    yield* problemsIn(item, `${shown}/`, depth + 1)
  }
}

/** As part of a JSON Pointer, with what no text may hold put aside. */
function shownName(name: string): string {
  return name.slice(0, 256).toWellFormed().replaceAll('\0', '�').replaceAll('~', '~0').replaceAll('/', '~1')
}
