import type { ChildProcess } from 'node:child_process'
import { closeSync, constants as fsConstants, openSync } from 'node:fs'
import { Duplex, type Readable, type Writable } from 'node:stream'

import { type HandedFile, type Sandbox, startInSandbox } from '../isolation/bubblewrap.ts'
import type { PlacedCommand } from '../isolation/launch.ts'
import { type PtyExit, readExit } from './exit.ts'
import { nativePty } from './native.ts'
import type { Size } from './sizer.ts'

/** A program on a terminal of its own. */
export interface StartedOnPty {
  /** The terminal's master. */
  readonly fd: number
  readonly pid: number
}

/** A terminal with bwrap on it. */
export interface Spawned {
  readonly child: ChildProcess
  readonly master: number
}

/** Starts a command in a sandbox. */
export function startSandboxed(
  command: PlacedCommand & Size,
  sandbox: Sandbox,
  exited: (exit: PtyExit) => void,
): StartedOnPty {
  const { child, master } = spawnOnPty(command, { sandbox, size: command, pipes: [] })
  child.on('error', () => exited({ code: 126, signal: null }))
  child.on('exit', (code, signal) => exited(readExit(code, signal)))
  return { fd: master, pid: child.pid ?? -1 }
}

/** How {@link spawnOnPty} starts a command. */
export interface SpawnOptions {
  readonly sandbox: Sandbox
  readonly size: Size
  /** Descriptors of the command that are pipes to this process; lower than any that is handed to bwrap. */
  readonly pipes: readonly number[]
}

/**
 * bwrap is no member of the terminal's session, so it is started by Node on a slave that is nobody's controlling
 * terminal yet. That slave is opened again: the pair's own one is non-blocking, which its programs would inherit.
 * The master is not close-on-exec, so bwrap gets the first of its files in its place, reads it, and closes it.
 */
export function spawnOnPty(command: PlacedCommand, { sandbox, size, pipes }: SpawnOptions): Spawned {
  const { master, slave: unused, pty } = nativePty().open(size.columns, size.rows)
  const slave = openSync(pty, fsConstants.O_RDWR | fsConstants.O_NOCTTY)
  closeSync(unused)
  const opened: number[] = []
  const inherited = (file: HandedFile): 'pipe' | number => {
    if ('text' in file) return 'pipe'
    const descriptor = openSync(file.path, fsConstants.O_RDONLY)
    opened.push(descriptor)
    return descriptor
  }
  try {
    const { file, args, files } = startInSandbox(command, sandbox, master)
    const between = Array.from({ length: master - 3 }, (_, i) => (pipes.includes(i + 3) ? 'pipe' : 'ignore'))
    // Loaded when it is needed: it is a tenth of a blank runner's start.
    const child = process.getBuiltinModule('node:child_process').spawn(file, args, {
      env: {},
      cwd: '/',
      detached: true,
      stdio: [slave, slave, slave, ...between, ...files.map(inherited)],
    })
    for (const [i, handed] of files.entries()) {
      if ('text' in handed) asPipe(child.stdio[master + i]).end(handed.text)
    }
    return { child, master }
  } catch (error) {
    closeSync(master)
    throw error
  } finally {
    for (const descriptor of [slave, ...opened]) closeSync(descriptor)
  }
}

/** A bwrap that ended before it had read everything says why by its exit. */
export function asPipe(pipe: Writable | Readable | null | undefined): Duplex {
  if (!(pipe instanceof Duplex)) throw new Error('a descriptor of the sandbox is no pipe')
  pipe.on('error', () => {})
  return pipe.resume()
}
