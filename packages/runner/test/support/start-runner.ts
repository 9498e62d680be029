import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

import {
  type Assignment,
  RUNNER_ID_HEADER,
  RUNNER_PATHS,
  type RunnerEvent,
  type RunnerStatus,
} from '@cliscale/sdk/protocol'

import { RawTerminal, type RawTerminalOptions } from './raw-terminal.ts'
import { waitFor } from './wait-for.ts'

/** How a test's runner is started. Everything has a default. */
export interface StartRunnerOptions {
  /** Program file instead of the source, for tests of the built runner. */
  readonly entry?: string
  readonly node?: string
  readonly isolation?: 'none' | 'bubblewrap'
  /** A program and its arguments that start the runner in their turn. */
  readonly wrapper?: readonly string[]
  /** True: the secret is in a file that stays, as in a container; else in one without a name, as the process driver has it. */
  readonly secretFile?: boolean
  /** The user of the runner and its session. Default: one of its own where the test is root, else the test's. */
  readonly user?: number | null
  /** True: it is started by a user that is not root, as its driver is; nobody needs to be root for it. */
  readonly withoutRoot?: boolean
  /** False: the runner has no folder for recordings. */
  readonly recordings?: boolean
  /** False: returns at once, for a runner that may end before it answers. Default: true. */
  readonly awaitReady?: boolean
  /** More flags, such as `--blank-timeout-ms`. */
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** An answer of the runner's HTTP port. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Uids that nobody has: of these each runner of a test that runs as root gets one. */
const UIDS = { first: 1_900_000_000, count: 65_536 } as const

const { NODE_COMPILE_CACHE } = process.env

/** What its driver would give it; in a checkout that is where the run of tests keeps what is compiled of its sources. */
const ENVIRONMENT = {
  PATH: '/usr/bin:/bin',
  TZ: 'UTC',
  RUNNER_OWN_VARIABLE: 'must not be inherited',
  ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }),
}

const SOURCE = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/**
 * Starts a real runner as a child process on a Unix socket in a private folder, as the process driver does, and waits
 * until it answers unless told not to. It, its command and its folder are gone when the test ends.
 */
export async function startRunner(t: TestContext, options: StartRunnerOptions = {}): Promise<TestRunner> {
  const folder = mkdtempSync(join(tmpdir(), 'run-'))
  const runner = new TestRunner(folder, options)
  t.after(async () => {
    await runner.end()
    const { passed } = t as { readonly passed?: boolean }
    if (passed === false) console.error(`--- log of the runner\n${runner.log.trimEnd()}`)
    rmSync(folder, { recursive: true, force: true })
  })
  if (options.awaitReady !== false) await runner.ready()
  return runner
}

/** A running runner and the ways to talk to it. */
export class TestRunner {
  readonly runnerId: string = `run_${randomBytes(16).toString('base64url')}`
  readonly secret: string = randomBytes(32).toString('base64url')
  readonly folder: string
  readonly socketPath: string
  readonly workFolder: string
  /** Where its recording is written. */
  readonly recordingPath: string
  /** The user that it was told to become. */
  readonly user: number | null
  readonly child: ChildProcess
  /** What it wrote to its log so far. */
  log = ''
  readonly #terminals: RawTerminal[] = []

  constructor(folder: string, options: StartRunnerOptions) {
    this.folder = folder
    mkdirSync(join(folder, 'socket'))
    this.socketPath = join(folder, 'socket', 'runner.sock')
    this.workFolder = join(folder, 'work')
    mkdirSync(this.workFolder, { mode: 0o700 })
    mkdirSync(join(folder, 'recordings'), { mode: 0o700 })
    this.recordingPath = join(folder, 'recordings', `${this.runnerId}.cast`)
    const user = options.user === undefined ? ownUser() : options.user
    const byOther = options.withoutRoot === true && user !== null
    this.user = byOther ? null : user
    if (user !== null) {
      chmodSync(folder, 0o711)
      const theirs = ['work', 'recordings', ...(byOther ? ['socket'] : [])]
      for (const name of theirs) chownSync(join(folder, name), user, user)
    }
    const secret = this.#writeSecret(options.secretFile === true)
    if (byOther && options.secretFile === true) chownSync(join(folder, 'secret'), user, user)
    const [program = '', ...args] = [
      ...(byOther ? ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'] : []),
      ...(options.wrapper ?? []),
      options.node ?? process.execPath,
      ...this.#argv(options),
    ]
    this.child = spawn(program, args, {
      cwd: folder,
      env: { ...ENVIRONMENT, ...options.env },
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', secret],
    })
    closeSync(secret)
    this.child.stderr?.on('data', (chunk: Buffer) => (this.log += chunk.toString()))
  }

  /** Where it listens, as a driver would say it. */
  get address(): `unix:${string}` {
    return `unix:${this.socketPath}`
  }

  /** Headers of every request. */
  get headers(): Readonly<Record<string, string>> {
    return { [RUNNER_ID_HEADER]: this.runnerId, authorization: `Bearer ${this.secret}` }
  }

  /** Resolves when it answers. */
  async ready(): Promise<void> {
    await waitFor('the runner to answer', async () => {
      if (this.child.exitCode !== null) throw new Error(`the runner ended: ${this.log}`)
      const answer = await this.request('GET', RUNNER_PATHS.health).catch(() => undefined)
      return answer?.status === 200
    })
  }

  /** One request with the right headers, or others. */
  async request(method: string, path: string, body?: unknown, headers = this.headers): Promise<Answer> {
    const request = httpRequest({ socketPath: this.socketPath, method, path, headers })
    request.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body))
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: Buffer.concat(chunks).toString(),
    }
  }

  /** Its status. */
  async status(): Promise<RunnerStatus> {
    return JSON.parse((await this.request('GET', RUNNER_PATHS.status)).body) as RunnerStatus
  }

  /** A complete assignment; `command` is found on the usual PATH. */
  assignment(over: Partial<Assignment> = {}): Assignment {
    return {
      sessionId: `ses_${randomBytes(16).toString('base64url')}`,
      command: 'sh',
      args: [],
      env: {},
      columns: 80,
      rows: 24,
      expiresAtMs: Date.now() + 600_000,
      idleTimeoutMs: 0,
      ...over,
    }
  }

  /** Assigns a session; fails unless it is accepted. */
  async assign(over: Partial<Assignment> = {}): Promise<Assignment> {
    const assignment = this.assignment(over)
    const answer = await this.request('POST', RUNNER_PATHS.assign, assignment)
    if (answer.status !== 202) throw new Error(`the assignment was refused: ${answer.status} ${answer.body}`)
    return assignment
  }

  /** Assigns `sh -c script`. */
  async assignScript(script: string, over: Partial<Assignment> = {}): Promise<Assignment> {
    return this.assign({ command: 'sh', args: ['-c', script], ...over })
  }

  /** Follows the event stream; `events` grows. */
  follow(): { readonly events: readonly RunnerEvent[]; readonly close: () => void } {
    const events: RunnerEvent[] = []
    const request = httpRequest({
      socketPath: this.socketPath,
      path: RUNNER_PATHS.events,
      headers: this.headers,
    })
    request.on('error', () => {})
    request.on('response', (response) => {
      let rest = ''
      response.on('error', () => {})
      response.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split('\n')
        rest = lines.pop() ?? ''
        events.push(...lines.filter((line) => line !== '').map((line) => JSON.parse(line) as RunnerEvent))
      })
    })
    request.end()
    return { events, close: () => request.destroy() }
  }

  /** Opens a terminal socket and says hello. */
  async connect(options: RawTerminalOptions = {}): Promise<RawTerminal> {
    const terminal = new RawTerminal({ socketPath: this.socketPath, headers: this.headers }, options)
    this.#terminals.push(terminal)
    await terminal.opened()
    return terminal
  }

  /** Resolves with its exit code when its process has ended. */
  async ended(deadlineMs = 10_000): Promise<number | null> {
    await waitFor(
      'the runner to end',
      () => this.child.exitCode !== null || this.child.signalCode !== null,
      deadlineMs,
    )
    return this.child.exitCode
  }

  /** Ends it: politely, and by force if that takes long. */
  async end(): Promise<void> {
    for (const terminal of this.#terminals) terminal.cut()
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const stop = { reason: 'killed', graceMs: 200 }
    await this.request('POST', RUNNER_PATHS.stop, stop).catch(() => undefined)
    await this.ended(5_000).catch(async () => {
      this.child.kill('SIGKILL')
      await this.ended()
    })
  }

  #argv(options: StartRunnerOptions): string[] {
    return [
      ...(options.entry === undefined ? ['--conditions=@cliscale/source', SOURCE] : [options.entry]),
      `--listen=${this.address}`,
      `--runner-id=${this.runnerId}`,
      `--secret-file=${options.secretFile === true ? join(this.folder, 'secret') : '/dev/fd/3'}`,
      `--work-folder=${this.workFolder}`,
      ...(options.recordings === false ? [] : [`--recording-folder=${join(this.folder, 'recordings')}`]),
      ...(this.user === null ? [] : [`--user=${this.user}`]),
      `--isolation=${options.isolation ?? 'none'}`,
      ...(options.flags ?? []),
    ]
  }

  /** Opens a file that holds the secret; without a name unless it stays. */
  #writeSecret(stays: boolean): number {
    const path = join(this.folder, 'secret')
    const descriptor = openSync(path, 'wx+', 0o600)
    if (!stays) unlinkSync(path)
    writeSync(descriptor, this.secret, 0)
    return descriptor
  }
}

function ownUser(): number | null {
  return process.getuid?.() === 0 ? UIDS.first + randomInt(UIDS.count) : null
}
