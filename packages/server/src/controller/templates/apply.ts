import {
  type Assignment,
  COLUMNS,
  type CreateSessionRequest,
  LIFETIME_SECONDS,
  type RecordingInfo,
  ROWS,
} from '@cliscale/sdk/protocol'
import { CodedError } from '../../http/coded-error.ts'
import { assertPermitted } from './permit.ts'
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
  assertPermitted(template, { kind: 'create', request }, { maxLifetimeSeconds })
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
