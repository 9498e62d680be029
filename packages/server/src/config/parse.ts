import { parseArgs } from 'node:util'
import { checkTogether } from './checks.ts'
import { type Config, ConfigError, type OptionValues } from './config.ts'
import { defaultDataDir, type Environment, processEnvironment } from './environment.ts'
import { serviceOf } from './kubernetes.ts'
import { nearest, suggestion } from './nearest.ts'
import { type Mode, OPTIONS, type OptionRow } from './options.ts'
import { readValue, ValueError } from './values.ts'

const ROWS: readonly (readonly [string, OptionRow])[] = Object.entries(OPTIONS)

/**
 * Reads the configuration: flags first, then environment variables, then defaults.
 *
 * @throws {ConfigError} with every problem at once
 */
export function parseConfig(args: readonly string[], env: Environment): Config {
  const problems: string[] = []
  const flags = readFlags(args, problems)
  const values: Record<string, unknown> = {}
  for (const [name, row] of ROWS) {
    const given = sourceOf(row, flags, env)
    values[name] = given === null ? row.default : tryRead(given, row, { env, problems })
  }
  const read = values as OptionValues
  if (problems.length > 0) throw new ConfigError(problems, read)
  const config: Config = { ...read, dataDir: read.dataDir ?? defaultDataDir(env) }
  const wrong = [...flagsOfOtherModes(flags, config.mode), ...checkTogether(config)]
  if (wrong.length > 0) throw new ConfigError(wrong, config)
  return config
}

/**
 * A configuration from values that a program gives, checked as if they were flags. Undefined means the default.
 *
 * @throws {ConfigError} with every problem at once
 */
export function parseValues(given: { readonly [Name in keyof Config]?: Config[Name] | undefined }): Config {
  const env = Object.fromEntries(
    Object.entries(given).flatMap(([name, value]): (readonly [string, string])[] => {
      const row = new Map(ROWS).get(name)
      if (row === undefined) throw new ConfigError([`There is no option ${name}.`])
      if (value === undefined || value === null) return []
      return [[row.env, Array.isArray(value) ? value.join(',') : String(value)]]
    }),
  )
  return parseConfig([], { ...dataHome(), ...env })
}

function dataHome(): Environment {
  const { HOME, XDG_DATA_HOME } = processEnvironment()
  return { HOME, XDG_DATA_HOME }
}

interface Given {
  readonly text: string
  /** How the user named it. */
  readonly name: string
}

function sourceOf(row: OptionRow, flags: ReadonlyMap<string, string>, env: Environment): Given | null {
  const flag = row.flag === null ? undefined : flags.get(row.flag)
  if (flag !== undefined) return { text: flag, name: `--${row.flag}` }
  const variable = env[row.env]
  if (variable === undefined || variable === '' || serviceOf(row.env, variable) !== null) return null
  return { text: variable, name: row.env }
}

function tryRead(
  given: Given,
  row: OptionRow,
  { env, problems }: { readonly env: Environment; readonly problems: string[] },
): unknown {
  try {
    return readValue(given.text, row, env)
  } catch (error) {
    if (!(error instanceof ValueError)) throw error
    const shown =
      row.secret === true || error.complete ? '' : `, not ${JSON.stringify(given.text.slice(0, 100))}`
    const meant = row.secret === true ? '' : suggestion(given.text, error.allowed)
    problems.push(`${given.name} ${error.message}${shown}${meant}.`)
    return row.default
  }
}

function readFlags(args: readonly string[], problems: string[]): ReadonlyMap<string, string> {
  const known = new Map(ROWS.flatMap(([, row]) => (row.flag === null ? [] : [[row.flag, row] as const])))
  const options = Object.fromEntries(
    [...known].map(([flag, row]) => [flag, { type: row.type === 'flag' ? 'boolean' : 'string' } as const]),
  )
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const flags = new Map<string, string>()
  for (const token of tokens) {
    if (token.kind === 'positional')
      problems.push(`There is nothing called ${JSON.stringify(token.value)} here; see --help.`)
    if (token.kind !== 'option') continue
    const row = known.get(token.name)
    if (row === undefined) problems.push(noOption(token.rawName, [...known.keys()]))
    else if (token.value === undefined && row.type !== 'flag')
      problems.push(`${token.rawName} needs a value.`)
    else flags.set(token.name, token.value ?? 'true')
  }
  return flags
}

function noOption(rawName: string, flags: readonly string[]): string {
  const name = rawName.startsWith('--') ? nearest(rawName.slice(2), flags) : null
  return `There is no option ${rawName}; ${name === null ? 'see --help' : `perhaps --${name} is meant`}.`
}

function flagsOfOtherModes(flags: ReadonlyMap<string, string>, mode: Mode): readonly string[] {
  return ROWS.flatMap(([, row]) =>
    row.flag !== null && flags.has(row.flag) && !row.modes.includes(mode)
      ? [`--${row.flag} has no meaning in mode ${mode}.`]
      : [],
  )
}
