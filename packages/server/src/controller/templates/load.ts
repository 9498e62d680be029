import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import {
  ARGS,
  IDLE_TIMEOUT_SECONDS,
  LIFETIME_SECONDS,
  MAX_PATH_LENGTH,
  TEMPLATE_LIMITS,
  TEMPLATE_OVERRIDES,
} from '@cliscale/sdk/protocol'
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { parse } from 'yaml'
import type { SessionBounds } from '../../config/session-bounds.ts'
import { BundleSchema, EnvSchema, RecordingModeSchema } from '../schemas.ts'
import { MAX_OPENINGS } from './limits.ts'
import { isOpening, openingProblems } from './openings.ts'
import { problemsOf } from './problems.ts'
import type { Template } from './template.ts'

/** What a template has when its entry does not say. */
export interface TemplateDefaults {
  readonly lifetimeSeconds: number
  readonly idleTimeoutSeconds: number
}

const DEFAULTS: TemplateDefaults = {
  lifetimeSeconds: LIFETIME_SECONDS.default,
  idleTimeoutSeconds: IDLE_TIMEOUT_SECONDS.default,
}

/** A templates file that cannot be used. The message names every problem. */
export class TemplatesFileError extends Error {
  /** One sentence each. */
  readonly problems: readonly string[]

  constructor(path: string, problems: readonly string[]) {
    super(`The templates file ${path} cannot be used: ${problems.join('; ')}.`)
    this.name = 'TemplatesFileError'
    this.problems = problems.map((problem) => `The templates file ${path} cannot be used: ${problem}.`)
  }
}

const closed = { additionalProperties: false }

/** What a templates file may say. */
export const TemplatesFile = Type.Object(
  {
    templates: Type.Array(
      Type.Object(
        {
          name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' }),
          title: Type.Optional(Type.String({ maxLength: 100 })),
          description: Type.Optional(Type.String({ maxLength: 1_000 })),
          command: Type.String({ minLength: 1, maxLength: MAX_PATH_LENGTH }),
          args: Type.Optional(
            Type.Array(Type.String({ maxLength: ARGS.maxLength }), { maxItems: ARGS.maxEntries }),
          ),
          env: Type.Optional(EnvSchema),
          cwd: Type.Optional(Type.String({ maxLength: MAX_PATH_LENGTH })),
          bundle: Type.Optional(BundleSchema),
          lifetimeSeconds: Type.Optional(
            Type.Integer({ minimum: LIFETIME_SECONDS.min, maximum: LIFETIME_SECONDS.max }),
          ),
          idleTimeoutSeconds: Type.Optional(
            Type.Integer({ minimum: IDLE_TIMEOUT_SECONDS.min, maximum: IDLE_TIMEOUT_SECONDS.max }),
          ),
          limits: Type.Optional(
            Type.Object(
              {
                processes: Type.Optional(Type.Integer({ minimum: TEMPLATE_LIMITS.processes.min })),
                memoryBytes: Type.Optional(Type.Integer({ minimum: TEMPLATE_LIMITS.memoryBytes.min })),
                cpus: Type.Optional(Type.Number({ minimum: TEMPLATE_LIMITS.cpus.min })),
                openFiles: Type.Optional(Type.Integer({ minimum: TEMPLATE_LIMITS.openFiles.min })),
                diskBytes: Type.Optional(Type.Integer({ minimum: TEMPLATE_LIMITS.diskBytes.min })),
              },
              closed,
            ),
          ),
          recording: Type.Optional(RecordingModeSchema),
          allow: Type.Optional(Type.Array(Type.String(), { maxItems: MAX_OPENINGS })),
        },
        closed,
      ),
      { maxItems: 1_000 },
    ),
  },
  closed,
)

/** One template as the file has it. */
export type TemplateEntry = Static<typeof TemplatesFile>['templates'][number]

const checkFile = Compile(TemplatesFile)

/**
 * The template that a server without a file has: an interactive shell, with everything open to clients. It is meant for
 * one's own machine; a server for others names its templates in a file.
 */
export function shellTemplate(defaults: TemplateDefaults = DEFAULTS): Template {
  return {
    name: 'shell',
    title: 'Shell',
    description: 'An interactive shell in an empty work folder.',
    command: existsSync('/bin/bash') ? 'bash' : 'sh',
    args: [],
    env: {},
    ...defaults,
    recording: 'off',
    allow: TEMPLATE_OVERRIDES,
  }
}

/**
 * Reads a JSON or YAML file `{"templates": [{"name", "command", …}]}`. It replaces the built-in template: a server with a file runs
 * what the file says and nothing else. Without `allow` a template opens nothing.
 *
 * @param settings `bounds`: what every session may use, which a template may only lower; left out, that is not looked at
 * @throws {TemplatesFileError}
 */
export async function loadTemplates(
  path: string | null,
  settings: Partial<TemplateDefaults> & { readonly bounds?: SessionBounds } = {},
): Promise<ReadonlyMap<string, Template>> {
  const defaults = { ...DEFAULTS, ...settings }
  const templates =
    path === null
      ? [shellTemplate(defaults)]
      : (await readEntries(path, settings.bounds)).map((entry) => toTemplate(entry, defaults))
  return new Map(templates.map((template) => [template.name, template]))
}

async function readEntries(
  path: string,
  bounds: SessionBounds | undefined,
): Promise<readonly TemplateEntry[]> {
  let value: unknown
  try {
    value = parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw new TemplatesFileError(path, [reasonOf(error)])
  }
  const problems = openingProblems(value)
  if (!checkFile.Check(value))
    throw new TemplatesFileError(path, [
      ...problemsOf(value, TemplatesFile, checkFile.Errors(value)),
      ...problems,
    ])
  if (problems.length > 0) throw new TemplatesFileError(path, problems)
  const names = value.templates.map(({ name }) => name)
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  if (twice.length > 0) throw new TemplatesFileError(path, [`the name ${twice[0]} is used twice`])
  if (names.length === 0) throw new TemplatesFileError(path, ['it holds no template'])
  const above = bounds === undefined ? [] : aboveBounds(value.templates, bounds)
  if (above.length > 0) throw new TemplatesFileError(path, above)
  return value.templates
}

/** The option behind each bound, for sentences; `cpus` is hundredths there. */
const BOUND_OPTIONS = {
  processes: '--session-processes',
  memoryBytes: '--session-memory-bytes',
  cpus: '--session-cpu-percent',
  openFiles: '--session-open-files',
  diskBytes: '--session-disk-bytes',
} as const satisfies Readonly<Record<keyof SessionBounds, string>>

/** A template that promises more than the server gives is a mistake that nobody would notice later. */
function aboveBounds(entries: readonly TemplateEntry[], bounds: SessionBounds): string[] {
  const names = Object.keys(BOUND_OPTIONS) as (keyof SessionBounds)[]
  return entries.flatMap(({ limits = {} }, index) =>
    names
      .filter((name) => bounds[name] !== 0 && (limits[name] ?? 0) > bounds[name])
      .map(
        (name) =>
          `templates[${index}].limits.${name} must be at most ${bounds[name]}, as ${BOUND_OPTIONS[name]} allows, not ${limits[name]}`,
      ),
  )
}

/** One line: the parser of YAML shows the place in several. */
function reasonOf(error: unknown): string {
  const [first = ''] = (error as Error).message.split('\n')
  return first.replace(/[:.]\s*$/, '')
}

function toTemplate(entry: TemplateEntry, defaults: TemplateDefaults): Template {
  return {
    name: entry.name,
    title: entry.title ?? entry.name,
    description: entry.description ?? '',
    command: entry.command,
    args: entry.args ?? [],
    env: entry.env ?? {},
    ...(entry.cwd === undefined ? {} : { cwd: entry.cwd }),
    ...(entry.bundle === undefined ? {} : { bundle: entry.bundle }),
    lifetimeSeconds: entry.lifetimeSeconds ?? defaults.lifetimeSeconds,
    idleTimeoutSeconds: entry.idleTimeoutSeconds ?? defaults.idleTimeoutSeconds,
    ...(entry.limits === undefined ? {} : { limits: entry.limits }),
    recording: entry.recording ?? 'off',
    allow: (entry.allow ?? []).filter(isOpening),
  }
}
