import { createRequire } from 'node:module'

/**
 * The native part of node-pty. Its JavaScript part is left out on purpose: on exit it destroys the terminal after
 * 200 ms whether or not everything was read, which loses the tail of a paused terminal, and it busy-loops on writes
 * that a program does not read.
 */
export interface NativePty {
  /** Forks `file` as leader of a session whose controlling terminal is the returned master's slave. */
  fork(
    file: string,
    args: readonly string[],
    env: readonly string[],
    cwd: string,
    columns: number,
    rows: number,
    uid: number,
    gid: number,
    utf8: boolean,
    helperPath: string,
    onExit: (code: number, signal: number) => void,
  ): { readonly fd: number; readonly pid: number; readonly pty: string }
  /** Opens a pair that is nobody's controlling terminal. Both ends are non-blocking. */
  open(
    columns: number,
    rows: number,
  ): { readonly master: number; readonly slave: number; readonly pty: string }
  resize(fd: number, columns: number, rows: number): void
}

interface BinaryLoader {
  requireBinary(file: 'pty.node'): NativePty
}

let loaded: NativePty | undefined

/** The native addon, loaded at the first call. */
export function nativePty(): NativePty {
  if (loaded === undefined) {
    const require = createRequire(import.meta.url)
    const loader = require('@lydell/node-pty/requireBinary.js') as BinaryLoader
    loaded = loader.requireBinary('pty.node')
  }
  return loaded
}

/** Program through which node-pty starts a command on macOS; unused elsewhere. */
export function spawnHelper(): string {
  if (process.platform !== 'darwin') return ''
  const require = createRequire(import.meta.url)
  return require.resolve(`@lydell/node-pty-${process.platform}-${process.arch}/spawn-helper`)
}
