import {
  ARGS,
  type Assignment,
  type BundleSpec,
  COLUMNS,
  DEFAULT_RING_BYTES,
  DEFAULT_SCROLLBACK_LINES,
  ENV,
  type ErrorCode,
  type ErrorDetail,
  isObject,
  type JsonObject,
  type LowerLimits,
  MAX_PATH_LENGTH,
  RECORDING_BYTES,
  type RecordingOrder,
  ROWS,
  type StopRequest,
  type UpdateAssignment,
} from '@cliscale/sdk/protocol'

/** Smallest and largest ring, in bytes. The credit window is at most a quarter of it. */
export const RING_BYTES = { min: 524_288, max: 67_108_864, default: DEFAULT_RING_BYTES } as const

/** Fewest and most lines above the viewport. */
export const SCROLLBACK_LINES = { min: 0, max: 50_000, default: DEFAULT_SCROLLBACK_LINES } as const

/** Shortest and longest stay after the command's end, in milliseconds. */
export const LINGER_MS = { min: 0, max: 600_000, default: 30_000 } as const

/** Shortest and longest time between SIGHUP and SIGKILL, in milliseconds. */
export const GRACE_MS = { min: 0, max: 60_000, default: 2_000 } as const

const MAX_TIME_MS = 8_640_000_000_000_000

/** An assignment with every default filled in. */
export interface CompleteAssignment extends Assignment {
  readonly ringBytes: number
  readonly scrollbackLines: number
  readonly lingerMs: number
}

/** A request that is refused: becomes the error body. */
export class RefusedRequest extends Error {
  readonly code: ErrorCode
  readonly details: readonly ErrorDetail[]

  constructor(code: ErrorCode, message: string, details: readonly ErrorDetail[] = []) {
    super(message)
    this.name = 'RefusedRequest'
    this.code = code
    this.details = details
  }
}

/** Checks an assignment; sizes are clamped, all else is refused with every problem named. @throws {RefusedRequest} */
export function readAssignment(body: unknown): CompleteAssignment {
  const fields = new Fields(body, ASSIGNMENT_FIELDS)
  const bundle = fields.json.bundle === undefined ? undefined : readBundle(fields)
  const recording = fields.json.recording === undefined ? undefined : readRecording(fields)
  const limits = fields.json.limits === undefined ? undefined : readLimits(fields)
  const cwd = fields.json.cwd === undefined ? undefined : fields.text('cwd', 0, MAX_PATH_LENGTH)
  const assignment = {
    sessionId: fields.text('sessionId', 1, 128),
    command: fields.text('command', 1, MAX_PATH_LENGTH),
    args: readArgs(fields),
    env: readEnv(fields),
    ...(cwd === undefined ? {} : { cwd }),
    columns: clamp(fields.integer('columns', { min: 0, max: Number.MAX_SAFE_INTEGER }), COLUMNS),
    rows: clamp(fields.integer('rows', { min: 0, max: Number.MAX_SAFE_INTEGER }), ROWS),
    ...(bundle === undefined ? {} : { bundle }),
    expiresAtMs: fields.integer('expiresAtMs', { min: 0, max: MAX_TIME_MS }),
    idleTimeoutMs: fields.integer('idleTimeoutMs', { min: 0, max: MAX_TIME_MS }),
    ringBytes: fields.integer('ringBytes', RING_BYTES),
    scrollbackLines: fields.integer('scrollbackLines', SCROLLBACK_LINES),
    lingerMs: fields.integer('lingerMs', LINGER_MS),
    ...(recording === undefined ? {} : { recording }),
    ...(limits === undefined ? {} : { limits }),
  }
  fields.check()
  return assignment
}

/** Checks a stop request. @throws {RefusedRequest} */
export function readStop(body: unknown): Required<StopRequest> {
  const fields = new Fields(body, ['reason', 'graceMs'])
  const reason = fields.json.reason
  if (reason !== 'killed' && reason !== 'expired' && reason !== 'idle' && reason !== 'failed') {
    fields.problem('/reason', 'must be killed, expired, idle or failed')
  }
  const graceMs = fields.integer('graceMs', GRACE_MS)
  fields.check()
  return { reason: reason as StopRequest['reason'], graceMs }
}

/** Checks an update. @throws {RefusedRequest} */
export function readUpdate(body: unknown): UpdateAssignment {
  const fields = new Fields(body, ['expiresAtMs', 'idleTimeoutMs'])
  const range = { min: 0, max: MAX_TIME_MS }
  const update = {
    ...(fields.json.expiresAtMs === undefined ? {} : { expiresAtMs: fields.integer('expiresAtMs', range) }),
    ...(fields.json.idleTimeoutMs === undefined
      ? {}
      : { idleTimeoutMs: fields.integer('idleTimeoutMs', range) }),
  }
  fields.check()
  return update
}

/** A size within what a terminal may have. */
export function clamp(value: number, range: { readonly min: number; readonly max: number }): number {
  return Math.min(range.max, Math.max(range.min, value))
}

const ASSIGNMENT_FIELDS = [
  'sessionId',
  'command',
  'args',
  'env',
  'cwd',
  'columns',
  'rows',
  'bundle',
  'expiresAtMs',
  'idleTimeoutMs',
  'ringBytes',
  'scrollbackLines',
  'lingerMs',
  'recording',
  'limits',
] as const

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
const SHA256 = /^[0-9a-f]{64}$/

interface Range {
  readonly min: number
  readonly max: number
  readonly default?: number
}

/** Reads the fields of one JSON object and collects what is wrong with them. */
class Fields {
  readonly json: JsonObject
  readonly #problems: ErrorDetail[] = []

  constructor(body: unknown, known: readonly string[]) {
    if (!isObject(body)) throw new RefusedRequest('BAD_REQUEST', 'The body must be a JSON object.')
    this.json = body
    const unknown = Object.keys(body).filter((key) => !known.includes(key))
    if (unknown.length > 0) {
      throw new RefusedRequest(
        'UNKNOWN_FIELD',
        `The request has unknown fields: ${unknown.slice(0, 8).join(', ').slice(0, 256)}.`,
        unknown.slice(0, 8).map((key) => ({ field: `/${key.slice(0, 64)}`, problem: 'is not known' })),
      )
    }
  }

  problem(field: string, problem: string): void {
    this.#problems.push({ field, problem })
  }

  /** Throws when anything was wrong. */
  check(): void {
    if (this.#problems.length === 0) return
    const said = this.#problems.map(({ field, problem }) => `${field} ${problem}`).join('; ')
    throw new RefusedRequest('VALIDATION_FAILED', `${said}.`, this.#problems)
  }

  text(field: string, min: number, max: number): string {
    const value = this.json[field]
    if (isText(value, max) && value.length >= min) return value
    this.problem(`/${field}`, `must be a string of ${min} to ${max} characters without NUL`)
    return ''
  }

  integer(field: string, range: Range): number {
    const value = this.json[field] ?? range.default
    if (Number.isSafeInteger(value) && Number(value) >= range.min && Number(value) <= range.max) {
      return Number(value)
    }
    this.problem(`/${field}`, `must be a whole number from ${range.min} to ${range.max}`)
    return range.min
  }
}

function isText(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.length <= max && !value.includes('\0')
}

function readArgs(fields: Fields): readonly string[] {
  const args = fields.json.args
  if (!Array.isArray(args) || args.length > ARGS.maxEntries) {
    fields.problem('/args', `must be an array of at most ${ARGS.maxEntries} strings`)
    return []
  }
  args.forEach((argument: unknown, i) => {
    if (!isText(argument, ARGS.maxLength)) {
      fields.problem(`/args/${i}`, `must be a string of at most ${ARGS.maxLength} characters without NUL`)
    }
  })
  return args as string[]
}

function readEnv(fields: Fields): Readonly<Record<string, string>> {
  const env = fields.json.env
  if (!isObject(env) || Object.keys(env).length > ENV.maxEntries) {
    fields.problem('/env', `must be an object of at most ${ENV.maxEntries} strings`)
    return {}
  }
  let bytes = 0
  for (const [name, value] of Object.entries(env)) {
    const field = `/env/${name.slice(0, 64)}`
    if (!ENV_NAME.test(name)) fields.problem(field, 'must be named with letters, digits and _ only')
    else if (!isText(value, ENV.maxTotalBytes)) fields.problem(field, 'must be a string without NUL')
    else bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 2
  }
  if (bytes > ENV.maxTotalBytes) fields.problem('/env', `must be at most ${ENV.maxTotalBytes} bytes in all`)
  return env as Record<string, string>
}

function readBundle(fields: Fields): BundleSpec {
  const bundle = fields.json.bundle
  if (!isObject(bundle) || !isText(bundle.url, MAX_PATH_LENGTH) || typeof bundle.sha256 !== 'string') {
    fields.problem('/bundle', 'must be an object with url and sha256')
    return { url: '', sha256: '' }
  }
  if (!SHA256.test(bundle.sha256)) {
    fields.problem('/bundle/sha256', 'must be 64 lower-case hexadecimal digits')
  }
  return { url: bundle.url, sha256: bundle.sha256 }
}

function readRecording(fields: Fields): RecordingOrder {
  const recording = fields.json.recording
  const mode = isObject(recording) ? recording.mode : undefined
  const maxBytes = isObject(recording) ? recording.maxBytes : undefined
  if (mode !== 'output' && mode !== 'output-and-input') {
    fields.problem('/recording/mode', 'must be output or output-and-input')
    return { mode: 'output', maxBytes: RECORDING_BYTES.default }
  }
  const fits = Number.isSafeInteger(maxBytes) && Number(maxBytes) >= RECORDING_BYTES.min
  if (!fits || Number(maxBytes) > RECORDING_BYTES.max) {
    const { min, max } = RECORDING_BYTES
    fields.problem('/recording/maxBytes', `must be a whole number from ${min} to ${max}`)
  }
  return { mode, maxBytes: Number(maxBytes) }
}

const LIMIT_NAMES = ['processes', 'memoryBytes', 'cpus', 'openFiles', 'diskBytes'] as const

function readLimits(fields: Fields): LowerLimits {
  const limits = fields.json.limits
  if (!isObject(limits)) {
    fields.problem('/limits', 'must be an object')
    return {}
  }
  for (const [name, value] of Object.entries(limits)) {
    const fits = name === 'cpus' ? Number.isFinite(value) : Number.isSafeInteger(value)
    if (!LIMIT_NAMES.some((known) => known === name)) fields.problem('/limits', 'has an unknown name')
    else if (!fits || Number(value) <= 0) fields.problem(`/limits/${name}`, 'must be a number above 0')
  }
  return limits
}
