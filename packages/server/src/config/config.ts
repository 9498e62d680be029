import type { LOG_LEVELS, Mode, OPTIONS, OptionRow, OptionType } from './options.ts'

/** What an option's text becomes. */
interface ValueTypes extends Record<OptionType, unknown> {
  text: string
  address: string
  path: string
  url: string
  integer: number
  flag: boolean
  list: readonly string[]
  paths: readonly string[]
  origins: readonly string[]
  hosts: readonly string[]
  networks: readonly string[]
  proxies: readonly string[]
  endpoints: readonly string[]
  mode: Mode
  driver: 'process'
  isolation: 'auto' | 'bubblewrap' | 'none'
  /** `local`, or `s3://bucket` with or without a prefix. */
  recordings: string
  level: (typeof LOG_LEVELS)[number]
  format: 'auto' | 'json' | 'pretty'
  workers: number
  /** `first-last`. */
  uids: string
  schema: string
}

type ValueOf<Row extends OptionRow> = ValueTypes[Row['type']] | (Row['default'] extends null ? null : never)

/** Values as they were given or defaulted. */
export type OptionValues = { readonly [Name in keyof typeof OPTIONS]: ValueOf<(typeof OPTIONS)[Name]> }

/** The whole configuration of a server, checked. */
export type Config = Omit<OptionValues, 'dataDir'> & { readonly dataDir: string }

/** A configuration that cannot be used: every problem, one sentence each. */
export class ConfigError extends Error {
  readonly problems: readonly string[]
  /** The options that could be read, for checks that need no more than those. */
  readonly readable: Partial<OptionValues>

  constructor(problems: readonly string[], readable: Partial<OptionValues> = {}) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
    this.readable = readable
  }
}
