import { isAbsolute } from 'node:path'

import { GROUP_LIMITS, type GroupLimit, type WantedLimits } from './isolation/limits.ts'
import { systemTimeZone } from './isolation/time-zone.ts'
import { takeFile } from './taken-file.ts'
import { networkList } from './bundle/addresses.ts'
import { readHost } from './bundle/allowed-hosts.ts'
import { type OutsideWorld, PLAIN_WORLD, readOutsideWorld } from './bundle/outside-world.ts'
import { LOG_LEVELS, type LogLevel } from './log.ts'

/** Where the runner listens. */
export type ListenAddress = { readonly path: string } | { readonly host: string; readonly port: number }

/** What keeps the command apart from the host. */
export type RunnerIsolation = 'none' | 'bubblewrap'

/** How a session is kept apart. */
export interface IsolationConfig {
  readonly workFolder: string
  readonly isolation: RunnerIsolation
  /** Uid and gid that the runner and its session have; none: those with which it was started. */
  readonly user: number | undefined
  /** What a session may use. */
  readonly limits: WantedLimits
  /** Limits that a control group around the runner sees to. */
  readonly groupLimits: readonly GroupLimit[]
  /** The file in which that group counts what it ended for want of memory; none: nobody counts. */
  readonly memoryEvents: string | undefined
  /** Seen as `/tmp` by an isolated command; none: memory. */
  readonly temporaryFolder: string | undefined
  /** What an isolated command sees beside the system's folders, read-only. */
  readonly shownPaths: readonly string[]
  /** What an isolated command never sees, also below what is shown. */
  readonly hiddenPaths: readonly string[]
}

/** The runner's configuration, complete and checked. */
export interface RunnerConfig extends IsolationConfig {
  readonly listen: ListenAddress
  readonly runnerId: string
  readonly secretFile: string
  /** Private folder for recordings; none: nothing can be recorded. */
  readonly recordingFolder: string | undefined
  readonly bundleHttpHosts: readonly string[]
  readonly bundlePrivateNetworks: readonly string[]
  readonly outsideWorld: OutsideWorld
  /** Default of sessions' `TZ`; none where the machine's zone has no name. */
  readonly timeZone: string | undefined
  readonly blankTimeoutMs: number
  readonly logLevel: LogLevel
}

interface Row<T> {
  readonly meaning: string
  /** Absent: the flag must be given. */
  readonly default?: string
  /** It may be given any number of times, or not at all. */
  readonly many?: true
  /** Returns the value, or throws a {@link Problem}. */
  readonly read: (text: string) => T
}

class Problem extends Error {}

const RUNNER_ID = /^[A-Za-z0-9_-]{1,128}$/

/** Every flag of the runner: the parser, `--help` and the messages come from this table. */
const ROWS = {
  listen: { meaning: 'unix:/absolute/path or tcp:host:port', read: readListen },
  'runner-id': { meaning: 'id of this runner; requests for another are refused', read: readRunnerId },
  'secret-file': {
    meaning:
      'file that holds the runner secret, or, unless the runner is process 1, /dev/fd/N; read once, N is closed',
    read: readAbsolute,
  },
  'work-folder': { meaning: 'folder that the command may write to', read: readAbsolute },
  'recording-folder': {
    meaning:
      'private folder in which a recording is written as <runner id>.cast; without it nothing is recorded',
    default: '',
    read: (text: string) => (text === '' ? undefined : readAbsolute(text)),
  },
  isolation: {
    meaning: 'none or bubblewrap',
    default: 'none',
    read: (text: string) => oneOf(text, ['none', 'bubblewrap'] as const),
  },
  user: {
    meaning: 'uid and gid of the runner and its session when it is started as root',
    default: '',
    read: (text: string) => (text === '' ? undefined : readUser(text)),
  },
  'max-processes': {
    meaning: 'processes and threads of a session; 0: any number',
    default: '0',
    read: readCount,
  },
  'max-memory-bytes': { meaning: 'memory of a session; 0: any', default: '0', read: readCount },
  'max-cpus': { meaning: 'processors of a session, as in 0.5; 0: all', default: '0', read: readCpus },
  'max-open-files': {
    meaning: 'open files of each of its processes; 0: any number',
    default: '0',
    read: readCount,
  },
  'max-disk-bytes': {
    meaning: 'size of the work and temporary folder together; 0: any',
    default: '0',
    read: readCount,
  },
  'group-limits': {
    meaning: `limits that a control group around the runner sees to: ${GROUP_LIMITS.join(', ')}`,
    default: '',
    read: (text: string) => list(text).map((name) => oneOf(name, GROUP_LIMITS)),
  },
  'memory-events': {
    meaning: 'memory.events or memory.oom_control of that group',
    default: '',
    read: (text: string) => (text === '' ? undefined : readAbsolute(text)),
  },
  'temporary-folder': {
    meaning: 'folder that an isolated command sees as /tmp and /var/tmp; without it they are memory',
    default: '',
    read: (text: string) => (text === '' ? undefined : readAbsolute(text)),
  },
  'show-path': {
    meaning: "path that an isolated command sees, read-only, beside the system's; may be given again",
    many: true,
    read: readAbsolute,
  },
  'hide-path': {
    meaning: 'folder that an isolated command never sees; may be given again',
    many: true,
    read: readAbsolute,
  },
  'bundle-http-hosts': {
    meaning: 'hosts, separated by commas, from which a bundle may come over http; host or host:port',
    default: '',
    read: (text: string) => list(text).map((host) => checked(host, readHost)),
  },
  'bundle-private-networks': {
    meaning: 'networks such as 10.0.0.0/8, separated by commas, in which a host of a bundle may be',
    default: '',
    read: (text: string) => list(text).map((network) => checked(network, (item) => networkList([item]))),
  },
  'outside-world-file': {
    meaning:
      'JSON file with httpsProxy, httpProxy, noProxy and certificates (PEM), or /dev/fd/N like the secret; none: no proxy',
    default: '',
    read: (text: string) => (text === '' ? PLAIN_WORLD : readWorldFile(text)),
  },
  'blank-timeout-ms': {
    meaning: 'a runner without an assignment ends after this many milliseconds without its controller',
    default: '60000',
    read: readMilliseconds,
  },
  'log-level': {
    meaning: LOG_LEVELS.join(', '),
    default: 'info',
    read: (text: string) => oneOf(text, LOG_LEVELS),
  },
} as const satisfies Record<string, Row<unknown>>

type Flag = keyof typeof ROWS

/** Flags that may be given again. */
type ManyFlag = { [F in Flag]: (typeof ROWS)[F] extends { readonly many: true } ? F : never }[Flag]

/** A configuration, or every problem with it, one sentence each. */
export type Parsed<T> = { readonly config: T } | { readonly problems: readonly string[] }

/** Reads the command line (`--name value` or `--name=value`). */
export function parseConfig(argv: readonly string[]): Parsed<RunnerConfig> {
  const flags = new Flags(argv)
  return flags.parsed<RunnerConfig>({
    ...isolationOf(flags),
    listen: flags.value('listen'),
    runnerId: flags.value('runner-id'),
    secretFile: flags.value('secret-file'),
    recordingFolder: flags.value('recording-folder'),
    bundleHttpHosts: flags.value('bundle-http-hosts'),
    bundlePrivateNetworks: flags.value('bundle-private-networks'),
    outsideWorld: flags.value('outside-world-file'),
    timeZone: systemTimeZone(process.env.TZ),
    blankTimeoutMs: flags.value('blank-timeout-ms'),
    logLevel: flags.value('log-level'),
  })
}

/** Reads a command line that says only how sessions are kept apart. */
export function parseIsolation(argv: readonly string[]): Parsed<IsolationConfig> {
  const flags = new Flags(argv)
  return flags.parsed<IsolationConfig>(isolationOf(flags))
}

function isolationOf(flags: Flags): {
  readonly [Key in keyof IsolationConfig]: IsolationConfig[Key] | undefined
} {
  return {
    workFolder: flags.value('work-folder'),
    isolation: flags.value('isolation'),
    user: flags.value('user'),
    limits: limitsOf(flags),
    groupLimits: flags.value('group-limits'),
    memoryEvents: flags.value('memory-events'),
    temporaryFolder: flags.value('temporary-folder'),
    shownPaths: flags.values('show-path'),
    hiddenPaths: flags.values('hide-path'),
  }
}

function limitsOf(flags: Flags): WantedLimits {
  return {
    processes: flags.value('max-processes') ?? 0,
    memoryBytes: flags.value('max-memory-bytes') ?? 0,
    cpus: flags.value('max-cpus') ?? 0,
    openFiles: flags.value('max-open-files') ?? 0,
    diskBytes: flags.value('max-disk-bytes') ?? 0,
  }
}

/** Text of `--help`. */
export function helpText(): string {
  const rows: [string, Row<unknown>][] = Object.entries(ROWS)
  const lines = rows.map(([flag, row]) => {
    const isRequired = row.default === undefined && row.many !== true
    const note = isRequired ? ' (required)' : (row.default ?? '') === '' ? '' : ` (${row.default})`
    return `  --${flag.padEnd(18)} ${row.meaning}${note}`
  })
  return ['cliscale-runner: runs one Cliscale session in a PTY', '', ...lines, ''].join('\n')
}

/** What a command line gives, and what is wrong with it. */
class Flags {
  readonly #given = new Map<string, readonly string[]>()
  readonly #problems: string[] = []

  constructor(argv: readonly string[]) {
    const rows: Readonly<Record<string, Row<unknown>>> = ROWS
    for (let i = 0; i < argv.length; i++) {
      const argument = argv[i] ?? ''
      const [name = '', inline] = argument.startsWith('--') ? split(argument.slice(2)) : []
      const before = this.#given.get(name) ?? []
      if (!Object.hasOwn(ROWS, name)) this.#problems.push(`There is no option ${argument}; see --help.`)
      else if (before.length > 0 && rows[name]?.many !== true)
        this.#problems.push(`--${name} is given twice.`)
      else if (inline === undefined && i + 1 >= argv.length) this.#problems.push(`--${name} needs a value.`)
      else this.#given.set(name, [...before, inline ?? argv[++i] ?? ''])
    }
  }

  /** The configuration, unless something was wrong. */
  parsed<T>(config: { readonly [Key in keyof T]?: T[Key] | undefined }): Parsed<T> {
    return this.#problems.length > 0 ? { problems: this.#problems } : { config: config as T }
  }

  /** The value of a flag, given or by default; undefined when it is missing or cannot be used. */
  value<F extends Flag>(flag: F): ReturnType<(typeof ROWS)[F]['read']> | undefined {
    const row: Row<unknown> = ROWS[flag]
    const text = this.#given.get(flag)?.[0] ?? row.default
    if (text !== undefined) return this.#read(flag, [text])?.[0]
    this.#problems.push(`--${flag} is missing: ${row.meaning}.`)
    return undefined
  }

  /** The values of a flag that may be given again. */
  values<F extends ManyFlag>(flag: F): ReturnType<(typeof ROWS)[F]['read']>[] | undefined {
    return this.#read(flag, this.#given.get(flag) ?? [])
  }

  #read<F extends Flag>(
    flag: F,
    texts: readonly string[],
  ): ReturnType<(typeof ROWS)[F]['read']>[] | undefined {
    const row: Row<unknown> = ROWS[flag]
    try {
      return texts.map((text) => row.read(text) as ReturnType<(typeof ROWS)[F]['read']>)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      this.#problems.push(`--${flag} ${error.message}.`)
      return undefined
    }
  }
}

function split(text: string): [string, string | undefined] {
  const at = text.indexOf('=')
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

function readListen(text: string): ListenAddress {
  if (text.startsWith('unix:')) return { path: readSocketPath(text.slice(5)) }
  const match = /^tcp:(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) throw new Problem('must be unix:/absolute/path or tcp:host:port')
  return { host: match[1] ?? match[2] ?? '', port }
}

/** Longest path that fits `sockaddr_un.sun_path` with its final NUL on Linux. */
const MAX_SOCKET_PATH_BYTES = 107

function readSocketPath(path: string): string {
  if (!isAbsolute(path)) throw new Problem('needs an absolute path after unix:')
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new Problem(`has a socket path of more than ${MAX_SOCKET_PATH_BYTES} bytes; use a shorter folder`)
  }
  return path
}

/** Largest uid; the next one stands for none. */
const MAX_USER = 4_294_967_294

function readRunnerId(text: string): string {
  if (!RUNNER_ID.test(text)) throw new Problem('must be 1 to 128 letters, digits, _ or -')
  return text
}

function readAbsolute(text: string): string {
  if (!isAbsolute(text)) throw new Problem('must be an absolute path')
  return text
}

function readUser(text: string): number {
  const id = Number(text)
  if (!/^\d+$/.test(text) || id < 1 || id > MAX_USER)
    throw new Problem(`must be a number from 1 to ${MAX_USER}`)
  return id
}

function readCount(text: string): number {
  const value = Number(text)
  if (!/^\d{1,15}$/.test(text)) throw new Problem('must be a whole number')
  return value
}

function readCpus(text: string): number {
  const value = Number(text)
  if (!/^\d{1,4}(\.\d{1,3})?$/.test(text)) throw new Problem('must be a number such as 0.5 or 2')
  return value
}

function readMilliseconds(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > 86_400_000) {
    throw new Problem('must be a whole number of milliseconds from 1 to 86400000')
  }
  return value
}

/** An item of a list as it was given, once a reader took it. */
function checked(item: string, read: (item: string) => unknown): string {
  try {
    read(item)
    return item
  } catch {
    throw new Problem(`cannot hold ${JSON.stringify(item.slice(0, 100))}`)
  }
}

/** Read here and once: its descriptor is closed, and its proxy's password stands in no argument and no environment. */
function readWorldFile(path: string): OutsideWorld {
  try {
    return takeFile(readAbsolute(path), readOutsideWorld)
  } catch (error) {
    throw new Problem(`cannot be used: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function list(text: string): readonly string[] {
  return text.split(',').filter((item) => item !== '')
}

function oneOf<const T extends string>(text: string, values: readonly T[]): T {
  const found = values.find((value) => value === text)
  if (found === undefined) throw new Problem(`must be one of ${values.join(', ')}`)
  return found
}
