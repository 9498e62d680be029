import { TEMPLATE_OVERRIDES, type TemplateOverride } from '@cliscale/sdk/protocol'
import { POWERFUL_VARIABLES } from './powerful-variables.ts'
import { type TemplateEntry, TemplatesFile } from './load.ts'

/** What the reference page says of a field beside what the schema knows. */
interface FieldText {
  readonly meaning: string
  /** What holds when the field is left out; `required` when it must not be. */
  readonly default: string
  /** A value, as YAML in one line. */
  readonly example: string
}

const FIELDS: { readonly [Name in keyof TemplateEntry]-?: FieldText } = {
  name: { meaning: 'What clients name in `template`.', default: 'required', example: 'node-agent' },
  title: { meaning: 'For people, in lists.', default: 'the name', example: 'Node agent' },
  description: {
    meaning: 'For people, a sentence or two.',
    default: 'empty',
    example: 'Works on a checkout.',
  },
  command: {
    meaning: 'Program to run: a name in the session’s PATH, or a path.',
    default: 'required',
    example: 'agent',
  },
  args: {
    meaning: 'Its arguments. They are dropped when a client names another command.',
    default: 'none',
    example: '[--log, json]',
  },
  env: {
    meaning: 'Variables of the command. Clients do not see them.',
    default: 'none',
    example: '{ MODE: safe }',
  },
  cwd: {
    meaning: 'Folder to start in, below the work folder.',
    default: 'the work folder',
    example: 'checkout',
  },
  bundle: {
    meaning: 'Archive to fetch, compare and unpack before the command starts; its `bin` comes first in PATH.',
    default: 'none',
    example: `{ url: https://example.com/agent.tgz, sha256: ${'0f'.repeat(32)} }`,
  },
  lifetimeSeconds: {
    meaning: 'A session ends so long after its creation; never later than `--max-lifetime-seconds`.',
    default: '`--default-lifetime-seconds`',
    example: '900',
  },
  idleTimeoutSeconds: {
    meaning: 'It ends after so long without a byte in either direction; 0: never.',
    default: '`--default-idle-timeout-seconds`',
    example: '300',
  },
  limits: {
    meaning:
      'What its sessions may use, where that is less than `--session-processes` and its kin give all; more is refused. `session.limits` tells what holds.',
    default: 'those of the server',
    example: '{ processes: 64, memoryBytes: 268435456, cpus: 0.5 }',
  },
  recording: {
    meaning: 'What is written down: nothing, what the command prints, or also what is typed.',
    default: '`off`',
    example: 'output',
  },
  allow: {
    meaning:
      'What a request may have otherwise than the template, as in the table below. All else is refused.',
    default: 'none',
    example: '[args, env]',
  },
}

const OVERRIDES: Readonly<Record<TemplateOverride, string>> = {
  command: 'another command, without the template’s arguments unless the request names some',
  args: 'other arguments, in place of the template’s',
  env: 'more variables, and other values for the template’s, but not [those that make a program run or load something](#variables-that-are-opened-by-name); one of them is opened by `env.NAME`',
  secrets:
    'the same, sealed while they rest and never shown; they go over `env`; one of them is opened by `secrets.NAME`',
  cwd: 'another folder below the work folder',
  bundle: 'another archive',
  lifetimeSeconds: 'another lifetime, up to `--max-lifetime-seconds`',
  idleTimeoutSeconds: 'another idle time',
  recording: 'whether and what is recorded',
}

/** A file that uses every field. */
const EXAMPLE = `# templates.yaml
templates:
  - name: shell
    title: Shell
    description: A shell for support, recorded.
    command: bash
    args: [-l]
    env: { LANG: C.UTF-8, EDITOR: vi }
    recording: output
    allow: [lifetimeSeconds]

  - name: node-agent
    title: Node agent
    description: Runs the agent of a release on a checkout.
    command: agent
    args: [--log, json]
    env: { MODE: safe }
    cwd: checkout
    bundle:
      url: https://example.com/agent-1.4.2.tgz
      sha256: ${'0f'.repeat(32)}
    lifetimeSeconds: 900
    idleTimeoutSeconds: 300
    limits: { processes: 64, memoryBytes: 268435456, cpus: 0.5, openFiles: 256, diskBytes: 1073741824 }
    recording: off
    allow: [args, env, secrets.API_TOKEN]
`

/** Examples of single fields, for the test that loads them. */
export const FIELD_EXAMPLES: readonly (readonly [string, string])[] = Object.entries(FIELDS).map(
  ([name, { example }]) => [name, example],
)

/** The reference page, as Markdown. */
export function templatesPage(): string {
  return [
    '# Templates',
    '',
    '<!-- Made from src/controller/templates/reference.ts and load.ts by `npm run generate`; do not edit. -->',
    '',
    'A template is a named recipe for sessions. `--templates=templates.yaml` names a file of them, YAML or JSON. The file replaces the built-in template `shell`, which runs a shell and lets clients change everything and is meant for one’s own machine: **a server with a file runs what the file says and nothing else**.',
    '',
    'A request names a template by `template`; without one it gets `shell`, or the first of the file when there is none of that name. `GET /v1/templates` lists them without `env`.',
    '',
    '```yaml',
    EXAMPLE.trimEnd(),
    '```',
    '',
    '`cliscale-server config --templates=templates.yaml` checks a file without starting anything: all problems at once, one sentence each, exit code 2. An unknown field is a problem.',
    '',
    '## Fields',
    '',
    'The file is an object with one field, `templates`, a list of 1 to 1,000 entries with different names.',
    '',
    '| Field | Type and limits | Default | Example | Meaning |',
    '| --- | --- | --- | --- | --- |',
    ...Object.entries(FIELDS).map(([name, { meaning, default: value, example }]) => {
      const schema = entryProperties()[name]
      return `| \`${name}\` | ${cell(schema === undefined ? '' : typeOf(schema))} | ${value} | \`${cell(example)}\` | ${meaning} |`
    }),
    '',
    '## What `allow` opens',
    '',
    '| Value | A request may then bring |',
    '| --- | --- |',
    ...TEMPLATE_OVERRIDES.map((name) => `| \`${name}\` | ${OVERRIDES[name]} |`),
    '',
    'Everything else of a request (`columns`, `rows`, `metadata`, `owner`) is always open. A field that is not open is refused with `VALIDATION_FAILED`, and `details` names it.',
    '',
    '## Variables that are opened by name',
    '',
    'A pinned command runs something else when a client may set `BASH_ENV` or `LD_PRELOAD`. So `env` and `secrets` do not open these; only `env.NAME` and `secrets.NAME` do, or `command`, with which a client may run anything. `X_` with a star is every name that begins so. No such list is ever whole: where clients are not trusted, name the variables.',
    '',
    '| Variables | Why |',
    '| --- | --- |',
    ...POWERFUL_VARIABLES.map(
      ({ names, prefixes, reason }) =>
        `| ${[...names, ...prefixes.map((prefix) => `${prefix}*`)].map(code).join(', ')} | ${cell(reason)} |`,
    ),
    '',
  ].join('\n')
}

/** JSON Schema, as far as templates use it. */
interface Schema {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly propertyNames?: Schema
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly maxProperties?: number
  readonly minimum?: number
  readonly maximum?: number
}

function entryProperties(): Readonly<Record<string, Schema>> {
  const { templates } = TemplatesFile.properties as unknown as Readonly<Record<string, Schema>>
  return templates?.items?.properties ?? {}
}

function typeOf(schema: Schema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ')
  if (schema.enum !== undefined) return `one of ${schema.enum.map((value) => `\`${value}\``).join(', ')}`
  switch (schema.type) {
    case 'string':
      return ['text', ...textLimits(schema)].join(', ')
    case 'integer':
    case 'number':
      return [schema.type === 'integer' ? 'whole number' : 'number', ...range(schema)].join(', ')
    case 'array':
      return `list${atMost(schema.maxItems, ' entries')}; each ${typeOf(schema.items ?? {})}`
    case 'object':
      return schema.properties === undefined ? mapOf(schema) : fieldsOf(schema.properties)
    case undefined:
    default:
      return 'any'
  }
}

function mapOf(schema: Schema): string {
  const { additionalProperties, patternProperties = {} } = schema
  const value =
    typeof additionalProperties === 'object' ? additionalProperties : Object.values(patternProperties)[0]
  const names =
    schema.propertyNames?.pattern === undefined ? '' : `; names like ${code(schema.propertyNames.pattern)}`
  return `map${atMost(schema.maxProperties, ' entries')}${names}; each ${typeOf(value ?? {})}`
}

function fieldsOf(properties: Readonly<Record<string, Schema>>): string {
  return `object: ${Object.entries(properties)
    .map(([name, schema]) => `\`${name}\`, ${typeOf(schema)}`)
    .join('; ')}`
}

function textLimits({ pattern, minLength, maxLength }: Schema): readonly string[] {
  const short = pattern === undefined || pattern.includes('\\u0000') ? [] : [`like ${code(pattern)}`]
  const length =
    maxLength === undefined
      ? []
      : [`${minLength === undefined ? 'up to' : `${minLength} to`} ${number(maxLength)} characters`]
  return [...length, ...short]
}

function range({ minimum, maximum }: Schema): readonly string[] {
  if (minimum === undefined && maximum === undefined) return []
  if (maximum === undefined) return [`${number(minimum)} or more`]
  return [`${number(minimum)} to ${number(maximum)}`]
}

function atMost(count: number | undefined, what: string): string {
  return count === undefined ? '' : ` of up to ${number(count)}${what}`
}

function number(value: number | undefined): string {
  return value === undefined ? 'any' : value.toLocaleString('en-US')
}

function code(text: string): string {
  return `\`${text}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
