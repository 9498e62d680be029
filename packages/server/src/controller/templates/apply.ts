import {
  type Assignment,
  COLUMNS,
  type CreateSessionRequest,
  ENV,
  type ErrorDetail,
  LIFETIME_SECONDS,
  type RecordingInfo,
  ROWS,
  TEMPLATE_OVERRIDES,
} from '@cliscale/sdk/protocol'
import { CodedError } from '../../http/coded-error.ts'
import type { Template } from './template.ts'

/** What a session runs, once its template and its request are put together. It holds secrets: seal it before it rests. */
export type Recipe = Pick<Assignment, 'command' | 'args' | 'env' | 'columns' | 'rows'> & {
  readonly cwd?: string
  readonly bundle?: NonNullable<Assignment['bundle']>
  readonly limits?: NonNullable<Assignment['limits']>
  /** Left out: nothing is written down. */
  readonly recording?: RecordingInfo['mode']
}

/** A recipe with what is kept in the open. */
export interface AppliedTemplate {
  readonly template: string
  readonly recipe: Recipe
  readonly lifetimeSeconds: number
  readonly idleTimeoutSeconds: number
}

/** The template that a request names. @throws {CodedError} `TEMPLATE_NOT_FOUND` */
export function findTemplate(templates: ReadonlyMap<string, Template>, name: string | undefined): Template {
  const wanted = name ?? (templates.has('shell') ? 'shell' : (templates.keys().next().value ?? 'shell'))
  const template = templates.get(wanted)
  if (template !== undefined) return template
  const known = [...templates.keys()].join(', ')
  throw new CodedError('TEMPLATE_NOT_FOUND', `There is no template "${wanted}"; this server has: ${known}.`)
}

/**
 * Puts a request over a template.
 *
 * @throws {CodedError} `VALIDATION_FAILED` naming each field that the template does not open or that cannot be used
 */
export function applyTemplate(
  template: Template,
  request: CreateSessionRequest,
  maxLifetimeSeconds: number = LIFETIME_SECONDS.max,
): AppliedTemplate {
  const problems = [
    ...closedFields(template, request),
    ...unusableFields(template, request),
    ...tooLong(request.lifetimeSeconds, maxLifetimeSeconds),
  ]
  if (problems.length > 0) {
    throw new CodedError('VALIDATION_FAILED', undefined, { details: problems })
  }
  const cwd = request.cwd ?? template.cwd
  const bundle = request.bundle ?? template.bundle
  const recording = request.recording ?? template.recording
  return {
    template: template.name,
    recipe: {
      command: request.command ?? template.command,
      args: request.args ?? (request.command === undefined ? template.args : []),
      env: { ...template.env, ...request.env, ...request.secrets },
      columns: request.columns ?? COLUMNS.default,
      rows: request.rows ?? ROWS.default,
      ...(cwd === undefined ? {} : { cwd }),
      ...(bundle === undefined ? {} : { bundle }),
      ...(template.limits === undefined ? {} : { limits: template.limits }),
      ...(recording === 'off' ? {} : { recording }),
    },
    lifetimeSeconds: Math.min(request.lifetimeSeconds ?? template.lifetimeSeconds, maxLifetimeSeconds),
    idleTimeoutSeconds: request.idleTimeoutSeconds ?? template.idleTimeoutSeconds,
  }
}

/** Problem of a lifetime over the server's limit. */
export function tooLong(lifetimeSeconds: number | undefined, max: number): ErrorDetail[] {
  if (lifetimeSeconds === undefined || lifetimeSeconds <= max) return []
  return [{ field: '/lifetimeSeconds', problem: `must be at most ${max}, as this server allows` }]
}

function closedFields(template: Template, request: CreateSessionRequest): ErrorDetail[] {
  return TEMPLATE_OVERRIDES.filter(
    (field) => request[field] !== undefined && !template.allow.includes(field),
  ).map((field) => ({
    field: `/${field}`,
    problem: `the template "${template.name}" does not let clients set it`,
  }))
}

function unusableFields(template: Template, request: CreateSessionRequest): ErrorDetail[] {
  const problems: ErrorDetail[] = []
  const env = { ...template.env, ...request.env, ...request.secrets }
  const size = Object.entries(env).reduce((sum, entry) => sum + Buffer.byteLength(entry.join('=')) + 1, 0)
  if (Object.keys(env).length > ENV.maxEntries) {
    problems.push({
      field: '/env',
      problem: `env and secrets together have more than ${ENV.maxEntries} entries`,
    })
  }
  if (size > ENV.maxTotalBytes) {
    problems.push({
      field: '/env',
      problem: `env and secrets together are larger than ${ENV.maxTotalBytes} bytes`,
    })
  }
  if (request.cwd !== undefined && leavesFolder(request.cwd)) {
    problems.push({ field: '/cwd', problem: 'it must be a folder below the work folder' })
  }
  return problems
}

function leavesFolder(path: string): boolean {
  return path.startsWith('/') || path.split('/').includes('..')
}
