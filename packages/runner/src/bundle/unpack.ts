import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'

import type { Log } from '../log.ts'
import { BundleError, fullDisk } from './bundle-error.ts'
import { MAX_COMPLAINT, MAX_REPORTED_BYTES, READ_ON_MS, UNPACK_LIMITS, type UnpackLimits } from './limits.ts'
import { type RefusalName, REFUSALS } from './refusals.ts'
import { quoted } from './quoted.ts'
import type { Progress } from './throttle.ts'
import { type Confine, UNPACK_ENVIRONMENT, unpackLaunch } from './unpack-launch.ts'
import { MAX_REPORT_BYTES, readReport, type UnpackReport } from './unpack-report.ts'

/** What unpacking needs. */
export interface UnpackOptions {
  /** Descriptor of the archive, open for reading only. */
  readonly archive: number
  /** Empty folder to unpack into, absolute. What is in it after a failure is to be removed. */
  readonly folder: string
  readonly signal: AbortSignal
  readonly progress: Progress
  readonly log: Log
  /** Default {@link UNPACK_LIMITS}. */
  readonly limits?: UnpackLimits
  /** Default: the program runs as it is. */
  readonly confine?: Confine
}

/** Runs the program that unpacks, and believes of it no more than that it may be hostile. @throws {BundleError} */
export async function unpack(options: UnpackOptions): Promise<void> {
  const { folder, limits = UNPACK_LIMITS, confine = (launch) => launch, signal } = options
  signal.throwIfAborted()
  const { file, args } = unpackLaunch(folder, { limits, confine })
  const child = spawn(file, args, {
    cwd: folder,
    env: UNPACK_ENVIRONMENT,
    // A group of its own, so that what confines it ends with it.
    detached: true,
    stdio: [options.archive, 'pipe', 'pipe'],
  })
  const program = new UnpackProgram(child, { ...options, limits })
  const timer = setTimeout(() => program.end(outOfTime(limits)), limits.timeMs)
  const abort = (): void => program.end(signal.reason as Error)
  signal.addEventListener('abort', abort)
  try {
    await program.finished()
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

class UnpackProgram {
  readonly #child: ChildProcess
  readonly #options: UnpackOptions & { readonly limits: UnpackLimits }
  readonly #output: Promise<void>
  readonly #exited: Promise<unknown>
  #complaint = ''
  #last: UnpackReport | undefined
  /** Why it was ended before its time. */
  #fault: Error | undefined

  constructor(child: ChildProcess, options: UnpackOptions & { readonly limits: UnpackLimits }) {
    this.#child = child
    this.#options = options
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#complaint = (this.#complaint + chunk.toString('latin1')).slice(0, MAX_COMPLAINT)
    })
    this.#exited = once(child, 'exit')
    this.#output = this.#read(child.stdout as Readable)
  }

  /** Ends it at once, with everything in its group. */
  end(fault: Error | undefined): void {
    this.#fault ??= fault
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It ended by itself.
    }
  }

  /** Resolves when it has unpacked everything and ended. @throws what {@link end} was told, or a {@link BundleError} */
  async finished(): Promise<void> {
    try {
      await this.#exited
    } catch (error) {
      throw this.#failed(`it could not be started (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`)
    }
    const late = setTimeout(() => this.#child.stdout?.destroy(), READ_ON_MS)
    await this.#output
    clearTimeout(late)
    this.#child.stderr?.destroy()
    // What it left behind in its group must not go on writing.
    this.end(undefined)
    const fault = this.#fault ?? this.#judge()
    if (fault !== undefined) throw fault
  }

  async #read(stdout: Readable): Promise<void> {
    let rest = ''
    let bytes = 0
    try {
      for await (const chunk of stdout) {
        bytes += (chunk as Buffer).length
        const lines = (rest + (chunk as Buffer).toString('utf8')).split('\n')
        rest = lines.pop() ?? ''
        const tooMuch = rest.length > MAX_REPORT_BYTES || bytes > MAX_REPORTED_BYTES
        const problem = tooMuch ? 'it told too much' : this.#takeAll(lines)
        if (problem === undefined) continue
        this.end(this.#failed(problem))
        return
      }
    } catch {
      // The stream was destroyed because nobody ended it.
    }
  }

  /** Returns what is wrong with one of the lines; those after it are not looked at. */
  #takeAll(lines: readonly string[]): string | undefined {
    for (const line of lines) {
      const problem = this.#take(readReport(line))
      if (problem !== undefined) return problem
    }
    return undefined
  }

  #take(report: UnpackReport | undefined): string | undefined {
    if (report === undefined) return 'it told what is no report'
    if (this.#last !== undefined && !('done' in this.#last)) return 'it told more than its end'
    this.#last = report
    if (!('done' in report)) return undefined
    if (report.done > this.#options.limits.entries) return 'it told of too many entries'
    this.#options.progress(report.done, report.total)
    return undefined
  }

  #judge(): Error | undefined {
    const { exitCode, signalCode } = this.#child
    const last = this.#last
    if (last !== undefined && 'refused' in last) return this.#refused(last.refused, last.entry)
    if (last !== undefined && 'failed' in last)
      return fullDisk({ code: last.failed }) ?? this.#failed(`a system call failed (${last.failed})`)
    if (last !== undefined && 'unpacked' in last && exitCode === 0) return undefined
    return this.#failed(`it ended with ${signalCode ?? `code ${exitCode}`}`)
  }

  #refused(name: RefusalName, path: string): BundleError {
    const { code, sentence, ...more } = REFUSALS[name]
    this.#logComplaint(`refused: ${name}`)
    const subject = { entry: quoted(path), limits: this.#options.limits }
    return new BundleError(code, sentence(subject), 'hint' in more ? { hint: more.hint } : {})
  }

  #failed(reason: string): BundleError {
    this.#logComplaint(reason)
    return new BundleError('START_FAILED', 'The bundle could not be unpacked.', {
      hint: "The reason stands in the log of the session's runner.",
    })
  }

  #logComplaint(reason: string): void {
    this.#options.log.warn('bundle not unpacked', { reason, complaint: this.#complaint })
  }
}

function outOfTime({ timeMs }: UnpackLimits): BundleError {
  return new BundleError(
    'BUNDLE_TOO_LARGE',
    `The bundle took longer than ${timeMs / 1_000} seconds to unpack.`,
  )
}
