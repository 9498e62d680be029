import {
  type CreateSessionRequest,
  ENV,
  type ErrorCode,
  type ErrorDetail,
  TEMPLATE_OVERRIDES,
  type UpdateSessionRequest,
} from '@cliscale/sdk/protocol'
import { CodedError } from '../../http/coded-error.ts'
import { opensField, opensVariable } from './openings.ts'
import { isPowerful } from './powerful-variables.ts'
import type { Template } from './template.ts'

/** What somebody asks of a session. */
export type Change =
  | { readonly kind: 'create'; readonly request: CreateSessionRequest }
  /** `ageSeconds`: time since the session was made. */
  | { readonly kind: 'update'; readonly request: UpdateSessionRequest; readonly ageSeconds: number }
  | { readonly kind: 'end' }
  | { readonly kind: 'deleteRecording' }

/** Bounds of the server, whatever the template says. */
export interface Bounds {
  /** Longest life of a session, from its creation to its end. */
  readonly maxLifetimeSeconds: number
}

/** Why a change is not allowed. */
export interface Refusal extends ErrorDetail {
  readonly code: Extract<ErrorCode, 'VALIDATION_FAILED' | 'FORBIDDEN'>
}

/**
 * The one place that says whether a session may have a value. Everything that makes or changes a session asks here.
 * `template` is the session's, null when the server has it no more: then nothing of it is known to be open.
 */
export function refusalsOf(template: Template | null, change: Change, bounds: Bounds): readonly Refusal[] {
  switch (change.kind) {
    case 'create':
      return template === null ? [gone('/template')] : refusalsOfCreate(template, change.request, bounds)
    case 'update':
      return refusalsOfUpdate(template, change, bounds)
    case 'deleteRecording':
      return refusalsOfDeletion(template)
    case 'end':
      // A template says what a session may be, not that it must go on.
      return []
  }
}

/** The same as an error that names each field. @throws {CodedError} `VALIDATION_FAILED`, `FORBIDDEN` */
export function assertPermitted(template: Template | null, change: Change, bounds: Bounds): void {
  const refusals = refusalsOf(template, change, bounds)
  const [first] = refusals
  if (first === undefined) return
  const message = first.code === 'FORBIDDEN' ? `${first.field} ${first.problem}.` : undefined
  const details = refusals.map(({ field, problem }) => ({ field, problem }))
  throw new CodedError(first.code, message, { details })
}

function refusalsOfCreate(
  template: Template,
  request: CreateSessionRequest,
  bounds: Bounds,
): readonly Refusal[] {
  return [
    ...TEMPLATE_OVERRIDES.filter((field) => field !== 'env' && field !== 'secrets')
      .filter((field) => request[field] !== undefined && !opensField(template, field))
      .map((field) => closed(template, `/${field}`)),
    ...closedVariables(template, 'env', request.env),
    ...closedVariables(template, 'secrets', request.secrets),
    ...tooLarge({ ...template.env, ...request.env, ...request.secrets }),
    ...outside(request.cwd),
    ...tooLong(request.lifetimeSeconds, bounds, 0),
  ]
}

function refusalsOfUpdate(
  template: Template | null,
  { request: { lifetimeSeconds }, ageSeconds }: Extract<Change, { kind: 'update' }>,
  bounds: Bounds,
): readonly Refusal[] {
  if (lifetimeSeconds === undefined) return []
  if (template === null) return [gone('/lifetimeSeconds')]
  if (!opensField(template, 'lifetimeSeconds')) return [closed(template, '/lifetimeSeconds')]
  return tooLong(lifetimeSeconds, bounds, ageSeconds)
}

function refusalsOfDeletion(template: Template | null): readonly Refusal[] {
  if (template === null) return [{ ...gone('/recording'), code: 'FORBIDDEN' }]
  if (template.recording === 'off' || opensField(template, 'recording')) return []
  const problem = `cannot be deleted: the template "${template.name}" demands it and does not let clients set it`
  return [{ code: 'FORBIDDEN', field: '/recording', problem }]
}

function closed({ name }: Template, field: string): Refusal {
  const problem = `the template "${name}" does not let clients set it`
  return { code: 'VALIDATION_FAILED', field, problem }
}

function gone(field: string): Refusal {
  const problem = 'cannot be changed: the server has the template of the session no more'
  return { code: 'VALIDATION_FAILED', field, problem }
}

/** A field that opens no variable at all is refused as a whole. */
function closedVariables(
  template: Template,
  field: 'env' | 'secrets',
  variables: Readonly<Record<string, string>> | undefined,
): readonly Refusal[] {
  if (variables === undefined) return []
  if (!template.allow.some((opening) => opening === field || opening.startsWith(`${field}.`)))
    return [closed(template, `/${field}`)]
  return Object.keys(variables)
    .filter((name) => !opensVariable(template, field, name))
    .map((name) => {
      const refusal = closed(template, `/${field}/${name}`)
      if (!opensField(template, field) || !isPowerful(name)) return refusal
      const why = `${refusal.problem}: it can make the command run something else, so the template must allow ${field}.${name} by name`
      return { ...refusal, problem: why }
    })
}

function tooLarge(env: Readonly<Record<string, string>>): readonly Refusal[] {
  const size = Object.entries(env).reduce((sum, entry) => sum + Buffer.byteLength(entry.join('=')) + 1, 0)
  const problems = [
    ...(Object.keys(env).length > ENV.maxEntries ? [`have more than ${ENV.maxEntries} entries`] : []),
    ...(size > ENV.maxTotalBytes ? [`are larger than ${ENV.maxTotalBytes} bytes`] : []),
  ]
  return problems.map((problem) => ({
    code: 'VALIDATION_FAILED',
    field: '/env',
    problem: `env and secrets together ${problem}`,
  }))
}

function outside(cwd: string | undefined): readonly Refusal[] {
  if (cwd === undefined || !(cwd.startsWith('/') || cwd.split('/').includes('..'))) return []
  return [{ code: 'VALIDATION_FAILED', field: '/cwd', problem: 'it must be a folder below the work folder' }]
}

/** The whole life counts, so that many small extensions reach no more than one request at the beginning. */
function tooLong(
  lifetimeSeconds: number | undefined,
  { maxLifetimeSeconds }: Bounds,
  ageSeconds: number,
): readonly Refusal[] {
  const left = Math.floor(maxLifetimeSeconds - ageSeconds)
  if (lifetimeSeconds === undefined || lifetimeSeconds <= left) return []
  const problem =
    ageSeconds === 0
      ? `must be at most ${maxLifetimeSeconds}, as this server allows`
      : `must be at most ${Math.max(0, left)} now: this server allows ${maxLifetimeSeconds} seconds from creation to end`
  return [{ code: 'VALIDATION_FAILED', field: '/lifetimeSeconds', problem }]
}
