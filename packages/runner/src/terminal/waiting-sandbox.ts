import type { ChildProcess } from 'node:child_process'
import { closeSync } from 'node:fs'
import type { Duplex } from 'node:stream'

import { COLUMNS, ROWS, type SessionLimits } from '@cliscale/sdk/protocol'

import type { Sandbox } from '../isolation/bubblewrap.ts'
import type { Launch, PlacedCommand } from '../isolation/launch.ts'
import { limited } from '../isolation/limits.ts'
import { systemStamp } from '../isolation/system-paths.ts'
import { SANDBOX_HOME } from '../isolation/view.ts'
import { SCRIPT_DESCRIPTOR, scriptOf, waitingShell } from '../isolation/through-shell.ts'
import type { Log } from '../log.ts'
import { type PtyExit, readExit } from './exit.ts'
import { nativePty } from './native.ts'
import { asPipe, spawnOnPty, type StartedOnPty } from './sandboxed-pty.ts'
import type { Size } from './sizer.ts'

/** The sandbox that a blank runner makes ahead. */
export class SandboxAhead {
  #waiting: WaitingSandbox | undefined

  /** Makes one, in which the limits hold, where there is a shell that can wait. */
  prepare(sandbox: Sandbox, { limits, log }: { readonly limits: SessionLimits; readonly log: Log }): void {
    const shell = waitingShell()
    if (shell === undefined || this.#waiting !== undefined) return
    const size = { columns: COLUMNS.default, rows: ROWS.default }
    try {
      this.#waiting = new WaitingSandbox(limited(shell, limits, { counted: 'sandbox' }), sandbox, size)
    } catch (error) {
      // A session starts without it, or says why not to whom it belongs.
      log.debug('no sandbox could be made ahead', { error: String(error) })
    }
  }

  /** @returns undefined when the command has to wait for a sandbox of its own */
  take(): WaitingSandbox | undefined {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting?.usable === true) return waiting
    waiting?.close()
    return undefined
  }

  /** Ends it, with nothing left open. */
  close(): void {
    this.#waiting?.close()
    this.#waiting = undefined
  }
}

/**
 * A sandbox that is made before there is a session: a shell waits in it, on its terminal, and becomes the command. Half of
 * what an isolated start costs is spent while nobody waits.
 */
export class WaitingSandbox {
  readonly #child: ChildProcess
  readonly #master: number
  readonly #script: Duplex
  readonly #sandbox: Sandbox
  readonly #stamp: string
  #ended = false
  #exited: ((exit: PtyExit) => void) | undefined

  /** @param shell as `waitingShell` says it, with the limits that the session will have */
  constructor(shell: Launch, sandbox: Sandbox, size: Size) {
    const command = { launch: shell, env: {}, cwd: SANDBOX_HOME }
    this.#sandbox = sandbox
    this.#stamp = systemStamp(sandbox.shownPaths)
    const { child, master } = spawnOnPty(command, { sandbox, size, pipes: [SCRIPT_DESCRIPTOR] })
    this.#child = child
    this.#master = master
    this.#script = asPipe(child.stdio[SCRIPT_DESCRIPTOR])
    child.on('error', () => this.#over({ code: 126, signal: null }))
    child.on('exit', (code, signal) => this.#over(readExit(code, signal)))
  }

  /** False once it ended, or the system's configuration has changed, of which it shows what was. */
  get usable(): boolean {
    return !this.#ended && systemStamp(this.#sandbox.shownPaths) === this.#stamp
  }

  /** Has the shell become the command. It must be usable. */
  begin(command: PlacedCommand & Size, exited: (exit: PtyExit) => void): StartedOnPty {
    this.#exited = exited
    nativePty().resize(this.#master, command.columns, command.rows)
    // The sandbox's first process holds the other end for as long as it lives.
    this.#script.end(scriptOf(command), () => this.#script.destroy())
    return { fd: this.#master, pid: this.#child.pid ?? -1 }
  }

  /** Ends it, with nothing left open, unless it has become a command. */
  close(): void {
    if (this.#exited !== undefined || this.#ended) return
    this.#over({ code: null, signal: 'SIGKILL' })
    this.#child.kill('SIGKILL')
  }

  #over(exit: PtyExit): void {
    if (this.#ended) return
    this.#ended = true
    this.#script.destroy()
    if (this.#exited === undefined) closeSync(this.#master)
    else this.#exited(exit)
  }
}
