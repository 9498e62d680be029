import {
  type BundleSpec,
  type Failure,
  type PhaseReport,
  type RunnerEvent,
  type RunnerFigures,
  type RunnerState,
  type RunnerStatus,
  type SessionExit,
  type StopRequest,
  type UpdateAssignment,
} from '@cliscale/sdk/protocol'

import { realpathSync } from 'node:fs'
import { join } from 'node:path'

import { type CompleteAssignment, RefusedRequest } from './assignment.ts'
import {
  DEFAULT_TERM,
  findProgram,
  SESSION_VARIABLE,
  sessionEnvironment,
  StartFailure,
  workingDirectory,
} from './command.ts'
import type { RunnerConfig } from './config.ts'
import { Deadline, IdleTimer } from './deadlines.ts'
import type { BundleContext } from './bundle/install.ts'
import { Bounds } from './isolation/bounds.ts'
import type { Sandbox } from './isolation/bubblewrap.ts'
import { limited, newMark } from './isolation/limits.ts'
import { openView, sandboxView } from './isolation/view.ts'
import type { Log } from './log.ts'
import { Recorder } from './recording/recorder.ts'
import type { PtyExit } from './terminal/exit.ts'
import { TerminalServer } from './terminal/server.ts'
import { Terminal } from './terminal/terminal.ts'
import { SandboxAhead } from './terminal/waiting-sandbox.ts'

/** What the runner tells the program around it. */
export interface RunnerEvents {
  /** It takes a session, of which nothing is started yet. */
  readonly assigned: () => void
  readonly event: (event: RunnerEvent) => void
  /** There are new {@link Runner.figures}. */
  readonly counted: () => void
  /** The runner's life is over; the process should end. */
  readonly over: () => void
  /** True when the controller knows the exit. */
  readonly exitDelivered: () => boolean
}

/** Clients that were told the exit by a stop have this long to take it. */
const STOPPED_LINGER_MS = 2_000

/** The controller has at least this long to take a recording. */
const RECORDING_LINGER_MS = 8_000

/** Longest title of a recording, in characters. */
const MAX_TITLE = 256

/** The one life of a runner: blank → preparing → running → exited. */
export class Runner {
  readonly server: TerminalServer
  readonly #config: RunnerConfig
  readonly #log: Log
  readonly #events: RunnerEvents
  readonly #blank: Deadline
  readonly #lifetime: Deadline
  readonly #linger: Deadline
  readonly #idle: IdleTimer
  readonly #ahead: SandboxAhead = new SandboxAhead()
  readonly #abort = new AbortController()
  #state: RunnerState = 'blank'
  #assignment: CompleteAssignment | undefined
  #terminal: Terminal | undefined
  #recorder: Recorder | undefined
  #recorded: Promise<void> = Promise.resolve()
  #recordingTaken = false
  #phase: PhaseReport | null = null
  #exit: SessionExit | null = null
  #stop: Required<StopRequest> | undefined
  #swept: Promise<void> = Promise.resolve()
  /** Why the session is ended, when it used too much. */
  #exceeded: Failure | undefined
  readonly #bounds: Bounds
  #taken = false
  #over = false

  constructor(config: RunnerConfig, log: Log, events: RunnerEvents) {
    this.#config = config
    this.#log = log
    this.#events = events
    this.#bounds = new Bounds(config)
    this.server = new TerminalServer({ left: (tookAll) => this.#onLeft(tookAll), counted: events.counted })
    this.#blank = new Deadline(() => this.#end('no controller came'))
    this.#lifetime = new Deadline(() => this.stop({ reason: 'expired', graceMs: 2_000 }))
    this.#linger = new Deadline(() => this.#end('the session is over'))
    this.#idle = new IdleTimer(() => this.stop({ reason: 'idle', graceMs: 2_000 }))
    this.#blank.after(config.blankTimeoutMs)
  }

  /** The present state, as the controller sees it. */
  get status(): RunnerStatus {
    return {
      runnerId: this.#config.runnerId,
      epoch: this.server.epoch,
      state: this.#state,
      sessionId: this.#assignment?.sessionId ?? null,
      phase: this.#phase,
      exit: this.#exit,
      clients: this.server.counts,
      outputOffset: this.#terminal?.history.ring.head ?? 0,
      lastActivityAtMs: this.#idle.lastMs,
      pid: process.pid,
      isolation: this.#config.isolation,
      limits: this.#bounds.held,
      figures: this.figures,
    }
  }

  /** What is counted, for metrics. */
  get figures(): RunnerFigures {
    const { figures, counts } = this.server
    const ring = this.#terminal?.history.ring
    return {
      resumes: figures.resumes,
      gaps: figures.gaps,
      gapBytes: figures.gapBytes,
      replayedBytes: figures.replayedBytes,
      pausedMs: Math.floor(this.#terminal?.pausedMs ?? 0),
      ringBytes: ring === undefined ? 0 : ring.head - ring.tail,
      unackedBytes: this.#terminal?.unackedBytes ?? 0,
      clients: counts,
    }
  }

  /** What writes the session down; undefined when it is not recorded. */
  get recorder(): Recorder | undefined {
    return this.#recorder
  }

  /** The controller has all of the recording. */
  recordingTaken(): void {
    this.#recordingTaken = true
    this.maybeEnd()
  }

  /** Makes the session's sandbox ahead. No effect without isolation, and once there is a session. */
  prepare(): void {
    if (this.#state !== 'blank' || this.#over || this.#config.isolation !== 'bubblewrap') return
    this.#ahead.prepare(this.#sandbox(), { limits: this.#bounds.held, log: this.#log })
  }

  /** A controller is there: a blank runner stays. `connected` keeps it for as long as a stream is open. */
  controllerSeen(connected: boolean): void {
    if (this.#state !== 'blank') return
    if (connected) this.#blank.clear()
    else this.#blank.after(this.#config.blankTimeoutMs)
  }

  /** Takes the session. Again with the same session: no change. @throws {RefusedRequest} `CONFLICT` for another one */
  assign(assignment: CompleteAssignment): void {
    if (this.#assignment?.sessionId === assignment.sessionId) return
    if (this.#assignment !== undefined || this.#stop !== undefined) {
      throw new RefusedRequest('CONFLICT', 'The runner has a session already.')
    }
    this.#events.assigned()
    this.#assignment = assignment
    this.#bounds.lower(assignment.limits)
    this.#state = 'preparing'
    this.#blank.clear()
    this.#idle.touch()
    const title = assignment.command.slice(assignment.command.lastIndexOf('/') + 1)
    this.#recorder = this.#createRecorder(assignment, title)
    this.#terminal = this.#createTerminal(assignment)
    this.server.open(this.#terminal, title)
    this.update(assignment)
    this.#log.info('session assigned', { sessionId: assignment.sessionId })
    void this.#prepare(assignment, this.#terminal)
  }

  /** Moves the end of life, or changes the idle timeout. */
  update(update: UpdateAssignment): void {
    if (this.#state !== 'preparing' && this.#state !== 'running') return
    if (update.expiresAtMs !== undefined) this.#lifetime.at(update.expiresAtMs)
    if (update.idleTimeoutMs !== undefined) this.#idle.start(update.idleTimeoutMs)
  }

  /** Ends the command, then the runner. */
  stop(request: Required<StopRequest>): void {
    const first = this.#stop === undefined
    this.#stop ??= request
    if (this.#exit !== null) {
      this.#lingerFor(STOPPED_LINGER_MS)
      this.maybeEnd()
    } else if (this.#state === 'blank') this.#end('stopped')
    else if (first) this.#terminate(request)
  }

  /** Ends at once; no descriptor of its terminal is open when this returns. */
  abandon(): void {
    this.stop({ reason: 'killed', graceMs: 0 })
    this.#terminal?.abandon()
    this.#ahead.close()
  }

  #createTerminal(assignment: CompleteAssignment): Terminal {
    const events = {
      output: () => this.server.flush(),
      exited: (exit: PtyExit) => this.#onExited(exit),
      resized: () => {
        this.server.flush()
        this.server.announce()
      },
      activity: () => this.#idle.touch(),
    }
    return new Terminal(assignment, events, this.#recorder)
  }

  #createRecorder(
    { recording, columns, rows, env }: CompleteAssignment,
    title: string,
  ): Recorder | undefined {
    if (recording === undefined) return undefined
    const { recordingFolder, runnerId } = this.#config
    if (recordingFolder === undefined) {
      this.#log.error('the session cannot be recorded: the runner has no --recording-folder')
      return undefined
    }
    return new Recorder({
      order: recording,
      path: join(recordingFolder, `${runnerId}.cast`),
      columns,
      rows,
      type: (env.TERM ?? DEFAULT_TERM).slice(0, MAX_TITLE),
      title: title.slice(0, MAX_TITLE),
      log: this.#log,
      room: () => this.#terminal?.gate(),
    })
  }

  async #prepare(assignment: CompleteAssignment, terminal: Terminal): Promise<void> {
    try {
      const bins = assignment.bundle === undefined ? [] : await this.#fetchBundle(assignment.bundle)
      if (this.#exit !== null) return
      this.#report({ phase: 'starting' })
      this.#start(assignment, terminal, bins)
    } catch (error) {
      if (this.#exit !== null) return
      this.#fail(error, terminal)
    }
  }

  async #fetchBundle(bundle: BundleSpec): Promise<readonly string[]> {
    const cwd = workingDirectory(this.#config.workFolder, undefined)
    const { installBundle } = await import('./bundle/install.ts')
    const confined = await this.#confine(cwd)
    return installBundle(bundle, {
      ...confined,
      folder: cwd,
      allowed: {
        httpHosts: this.#config.bundleHttpHosts,
        privateNetworks: this.#config.bundlePrivateNetworks,
      },
      world: this.#config.outsideWorld,
      signal: this.#abort.signal,
      report: (report) => this.#report(report),
      log: this.#log,
    })
  }

  /** What is unpacked is a stranger's: the program that does it is kept apart as the session will be. */
  async #confine(folder: string): Promise<Pick<BundleContext, 'confine'>> {
    if (this.#config.isolation === 'none') return {}
    const { unpackReadOnlyPaths } = await import('./bundle/unpack-launch.ts')
    const { confine } = await import('./isolation/bubblewrap.ts')
    return { confine: (launch) => confine({ launch, folder, readOnlyPaths: unpackReadOnlyPaths() }) }
  }

  #start(assignment: CompleteAssignment, terminal: Terminal, bins: readonly string[]): void {
    const { workFolder, isolation } = this.#config
    const sandbox = isolation === 'bubblewrap' ? this.#sandbox() : undefined
    const view =
      sandbox === undefined ? openView(workFolder) : sandboxView(sandbox.workFolder, sandbox.shownPaths)
    const cwd = view.inside(workingDirectory(workFolder, assignment.cwd))
    const env = sessionEnvironment(assignment, view, { binFolders: bins, timeZone: this.#config.timeZone })
    // Inside a sandbox nothing can leave it.
    const mark = sandbox === undefined ? newMark() : undefined
    const program = findProgram(assignment, { cwd, path: env.PATH ?? '', view })
    const waiting = this.#ahead.take()
    const isLimited = waiting !== undefined && assignment.limits === undefined
    const pid = terminal.start({
      launch: isLimited
        ? program
        : limited(program, this.#bounds.held, { counted: this.#bounds.counted, mark }),
      env,
      cwd,
      marker: `${SESSION_VARIABLE}=${assignment.sessionId}`,
      user: this.#config.user,
      mark,
      ...(sandbox === undefined ? {} : { sandbox, waiting }),
    })
    this.#bounds.watch(pid, (failure) => this.#exceed(failure))
    this.#state = 'running'
    this.#phase = null
    this.#idle.touch()
    this.#events.event({ type: 'running', isolation: this.#config.isolation, limits: this.#bounds.held })
    this.server.started()
  }

  /** Ends the session for what it used. */
  #exceed(failure: Failure): void {
    if (this.#state !== 'running' || this.#stop !== undefined) return
    this.#exceeded = failure
    this.#terminal?.print(`\r\n\x1b[31m${failure.message}\x1b[0m\r\n`)
    this.stop({ reason: 'failed', graceMs: 0 })
  }

  #sandbox(): Sandbox {
    const { workFolder, temporaryFolder, shownPaths, hiddenPaths } = this.#config
    return { workFolder: realpathSync(workFolder), temporaryFolder, shownPaths, hiddenPaths }
  }

  #report(report: PhaseReport): void {
    if (this.#state !== 'preparing') return
    this.#phase = report
    this.#events.event({ type: 'phase', report })
    this.server.report(report)
  }

  /** The command could not be started: said in the terminal, and typed. */
  #fail(error: unknown, terminal: Terminal): void {
    const known = error instanceof StartFailure ? error : startFailed(error)
    const { message, hint } = known.failure
    terminal.print(`\x1b[31m${message}\x1b[0m\r\n${hint === undefined ? '' : `${hint}\r\n`}`)
    this.#log.warn('session failed', { code: known.failure.code })
    this.#finish({ code: known.exitCode, signal: null, reason: 'failed', failure: known.failure })
  }

  #terminate(request: Required<StopRequest>): void {
    this.#abort.abort()
    if (this.#state === 'preparing') this.#finish(stopExit(request, { code: null, signal: null }))
    else this.#swept = this.#terminal?.terminate(request.graceMs) ?? Promise.resolve()
  }

  #onExited(exit: PtyExit): void {
    const terminal = this.#terminal
    // What the command left in the background ends with it.
    if (this.#stop === undefined) this.#swept = terminal?.terminate(2_000) ?? Promise.resolve()
    this.#finish(this.#ended(exit))
  }

  #ended(exit: PtyExit): SessionExit {
    const short = this.#exceeded ?? (this.#stop === undefined ? this.#bounds.endedBy(exit.signal) : undefined)
    if (short !== undefined) return { ...exit, reason: 'failed', failure: short }
    return this.#stop === undefined ? { ...exit, reason: 'exited' } : stopExit(this.#stop, exit)
  }

  #finish(exit: SessionExit): void {
    const assignment = this.#assignment
    if (this.#terminal === undefined || assignment === undefined) return
    this.#exit = exit
    this.#state = 'exited'
    this.#phase = null
    this.#lifetime.clear()
    this.#idle.stop()
    this.#bounds.close()
    this.#terminal.exit = exit
    this.#log.info('session over', { code: exit.code, signal: exit.signal, reason: exit.reason })
    this.#recorded = this.#recorder?.end(exit) ?? this.#recorded
    this.#events.event({ type: 'exit', exit })
    this.#lingerFor(this.#stop === undefined ? assignment.lingerMs : STOPPED_LINGER_MS)
    this.server.started()
    this.server.flush()
    this.maybeEnd()
  }

  /** A recording that nobody has taken keeps the runner for a while, as clients do that have not read all. */
  #lingerFor(ms: number): void {
    const waits = this.#recorder !== undefined && !this.#recordingTaken
    this.#linger.after(waits ? Math.max(ms, RECORDING_LINGER_MS) : ms)
  }

  #onLeft(tookAll: boolean): void {
    this.#taken ||= tookAll
    this.maybeEnd()
  }

  /**
   * Ends before its time when nobody needs it any more: a driver has everything and the controller knows the exit; or
   * it was stopped and all clients are gone. In both cases the controller has taken the recording.
   */
  maybeEnd(): void {
    if (this.#exit === null || this.server.busy) return
    if (this.#recorder !== undefined && !this.#recordingTaken) return
    if (this.#stop !== undefined || (this.#taken && this.#events.exitDelivered()))
      this.#end('nobody needs it')
  }

  #end(why: string): void {
    if (this.#over) return
    this.#over = true
    for (const timer of [this.#blank, this.#lifetime, this.#linger]) timer.clear()
    this.#idle.stop()
    this.#log.info('runner ends', { why })
    this.#ahead.close()
    void Promise.allSettled([this.#swept, this.#recorded]).then(() => {
      this.server.close()
      this.#terminal?.close()
      this.#events.over()
    })
  }
}

function startFailed(error: unknown): StartFailure {
  const message = error instanceof Error ? error.message : String(error)
  return new StartFailure('START_FAILED', `The command could not be started: ${message}`)
}

function stopExit(request: StopRequest, exit: PtyExit): SessionExit {
  if (request.reason !== 'failed') return { ...exit, reason: request.reason }
  const failure = { code: 'START_FAILED', message: 'The controller gave the session up.' }
  return { ...exit, reason: 'failed', failure }
}
