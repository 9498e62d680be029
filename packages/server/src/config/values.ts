import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { type Environment, homeFolder } from './environment.ts'
import { isSchemaName, LONGEST_SCHEMA } from './db-schema.ts'
import { LOG_LEVELS, MODES, type OptionRow, type OptionType } from './options.ts'
import { readUidRange } from './uid-range.ts'

/** A text that cannot be an option's value; the message goes on after the option's name. */
export class ValueError extends Error {
  /** True when the message says already what was given. */
  readonly complete: boolean
  /** All values that there are, when they are few. */
  readonly allowed: readonly string[]

  constructor(
    message: string,
    options: { readonly complete?: boolean; readonly allowed?: readonly string[] } = {},
  ) {
    super(message)
    this.complete = options.complete ?? false
    this.allowed = options.allowed ?? []
  }
}

type Reader = (text: string, row: OptionRow, env: Environment) => unknown

const READERS: Record<OptionType, Reader> = {
  text: (text) => text,
  address: readAddress,
  path: readPath,
  url: readUrl,
  integer: readInteger,
  flag: (text) => readOneOf(text, ['true', 'false']) === 'true',
  list: readList,
  paths: readPaths,
  origins: (text) => readList(text).map(readOrigin),
  hosts: (text) => readList(text).map(readHost),
  networks: (text) => readList(text).map(readNetwork),
  proxies: (text) => readList(text).map(readProxy),
  endpoints: (text) => readList(text).map(readEndpoint),
  mode: (text) => readOneOf(text, MODES),
  driver: (text) => readOneOf(text, ['process']),
  isolation: (text) => readOneOf(text, ['auto', 'bubblewrap', 'none']),
  recordings: readRecordings,
  level: (text) => readOneOf(text, LOG_LEVELS),
  format: (text) => readOneOf(text, ['auto', 'json', 'pretty']),
  workers: readWorkers,
  uids: readUids,
  schema: readSchema,
}

/** The value of a text. @throws {ValueError} */
export function readValue(text: string, row: OptionRow, env: Environment): unknown {
  if (text.trim() === '' && row.type !== 'list' && row.type !== 'paths')
    throw new ValueError('is empty', { complete: true })
  return READERS[row.type](text, row, env)
}

/** Shells put the home folder in place of `~` only at the beginning of a word, so behind `--data-dir=` it is ours to do. */
function readPath(text: string, _row: OptionRow, env: Environment): string {
  if (!text.startsWith('~')) return resolve(text)
  if (text !== '~' && !text.startsWith('~/'))
    throw new ValueError(
      'names the home of another user; write its whole path, or ./~ for a file of that name',
    )
  const home = homeFolder(env)
  if (home === null) throw new ValueError('begins with ~, but this user has no home; write the whole path')
  return join(home, text.slice(1))
}

/** A numeric IPv6 address may stand in brackets, as in a URL. */
function readAddress(text: string): string {
  const bare = /^\[(.*)\]$/.exec(text)?.[1]
  if (isIP(bare ?? text) === 6) return bare ?? text
  if (bare !== undefined || !/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(text))
    throw new ValueError('must be an address or the name of a machine, without port')
  return text
}

function readInteger(text: string, { min = 0, max = Number.MAX_SAFE_INTEGER }: OptionRow): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) throw new ValueError(`must be a whole number from ${min} to ${max}`)
  return value
}

function readWorkers(text: string, row: OptionRow): number {
  if (text === 'auto') return availableParallelism()
  const value = /^\d{1,16}$/.test(text) ? Number(text) : 0
  if (value < 1 || value > (row.max ?? 1))
    throw new ValueError(`must be auto or a number from 1 to ${row.max ?? 1}`)
  return value
}

function readOneOf(text: string, values: readonly string[]): string {
  if (!values.includes(text)) throw new ValueError(`must be one of ${values.join(', ')}`, { allowed: values })
  return text
}

function readList(text: string): readonly string[] {
  const items = text.split(',').map((item) => item.trim())
  return items.filter((item) => item !== '')
}

/** Colons, as in PATH: a path may hold a comma. */
function readPaths(text: string): readonly string[] {
  const paths = text.split(':').filter((path) => path !== '')
  const odd = paths.find((path) => !isAbsolute(path))
  if (odd !== undefined)
    throw new ValueError(`must hold absolute paths, separated by colons; ${quote(odd)} is not absolute`)
  return paths.map((path) => resolve(path))
}

function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const plain =
    url !== null && url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  if (!plain || !/^https?:$/.test(url.protocol))
    throw new ValueError('must be an address such as https://terminals.example.com')
  return url.href.replace(/\/$/, '')
}

/** Origins of apps whose pages come by a scheme of their own: Tauri, Electron, VS Code, extensions of browsers. */
const APP_ORIGIN =
  /^(?!https?:|file:|data:|blob:|javascript:)[a-z][a-z0-9+.-]*:\/\/[a-z0-9][a-z0-9._-]*(:\d{1,5})?$/

function readOrigin(text: string): string {
  if (text === 'null' || text.startsWith('file:'))
    throw new ValueError(
      'cannot hold "null", which pages of files send: every sandboxed page of the web sends it too; serve the page by http or a scheme of its own',
      { complete: true },
    )
  if (text.includes('*'))
    throw new ValueError(`takes no wildcards; write each origin out instead of ${quote(text)}`, {
      complete: true,
    })
  const url = URL.canParse(text) ? new URL(text) : null
  if (!APP_ORIGIN.test(text) && url?.origin !== text)
    throw new ValueError(
      `must hold origins such as https://app.example.com, exactly as browsers send them; ${quote(text)} is not one`,
      { complete: true },
    )
  return text
}

function readHost(text: string): string {
  const name = text.toLowerCase()
  const bare = name.startsWith('[') ? name.slice(1, -1) : name
  if (isIP(bare) === 6) return `[${bare}]`
  if (!/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/.test(name))
    throw new ValueError(`must hold host names without port; ${quote(text)} is not one`, { complete: true })
  return name
}

function readNetwork(text: string): string {
  const [address = '', bits = '', ...rest] = text.split('/')
  const widest = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  if (rest.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > widest)
    throw new ValueError(`must hold networks such as 10.0.0.0/8; ${quote(text)} is not one`, {
      complete: true,
    })
  return text
}

function readProxy(text: string): string {
  if (isIP(text) !== 0 && !text.includes('%')) return text
  if (!text.includes('/'))
    throw new ValueError(`must hold addresses or networks such as 10.0.0.0/8; ${quote(text)} is neither`, {
      complete: true,
    })
  const network = readNetwork(text)
  if (network.endsWith('/0'))
    throw new ValueError(`would let everybody say who they are with ${quote(text)}; name your proxies`, {
      complete: true,
    })
  return network
}

function readEndpoint(text: string): string {
  const url = URL.parse(`http://${isIP(text) === 6 ? `[${text}]` : text}/`)
  if (url?.pathname !== '/' || url.username !== '' || url.search + url.hash !== '')
    throw new ValueError(`must hold hosts such as example.com or 10.0.0.1:8080; ${quote(text)} is not one`)
  return text
}

function readRecordings(text: string): string {
  const bucket = /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[A-Za-z0-9!_.*'()/-]*)?$/
  if (text !== 'local' && (!bucket.test(text) || /\/\.{0,2}\//.test(text.slice('s3:/'.length))))
    throw new ValueError('must be local or a bucket such as s3://my-bucket/recordings')
  return text
}

function readUids(text: string): string {
  if (readUidRange(text) === null)
    throw new ValueError('must be a range of user ids such as 2100000000-2100065535, without 0')
  return text
}

function readSchema(text: string): string {
  if (!isSchemaName(text))
    throw new ValueError(
      `must be a name of at most ${LONGEST_SCHEMA} small letters, digits and underscores that is neither public, ` +
        `information_schema nor begins with pg_ or a digit`,
    )
  return text
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}
