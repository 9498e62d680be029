import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Config } from '../config/config.ts'
import { processEnvironment } from '../config/environment.ts'

/** Bit of SIGHUP (1) in the sets of `/proc/<pid>/status`. */
const SIGHUP_BIT = 1n

/**
 * True when SIGHUP must not end this process: it was told so, or was started under `nohup`. An ignored SIGHUP is
 * inherited, but Node sets it back before any of our code runs, so what is left are traces: the option, which
 * `bin/cliscale-server.js` sets when it finds the signal ignored; the name that shells leave of the command that they
 * started; and an ancestor of the same session that ignores it, such as a script under `nohup`.
 */
export function ignoresHangup({ ignoreHangup }: Pick<Config, 'ignoreHangup'>): boolean {
  return ignoreHangup || basename(processEnvironment()._ ?? '') === 'nohup' || ancestorIgnores()
}

function ancestorIgnores(): boolean {
  try {
    const { session } = statOf(process.pid)
    for (let pid = process.ppid; pid > 1;) {
      const { parent, session: itsSession } = statOf(pid)
      if (itsSession !== session) return false
      if (ignored(pid)) return true
      pid = parent
    }
  } catch {
    // No /proc, or the ancestor has just ended.
  }
  return false
}

function statOf(pid: number): { readonly parent: number; readonly session: number } {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // State, parent, group, session follow the name, which may hold anything.
  const [, parent, , session] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { parent: Number(parent), session: Number(session) }
}

function ignored(pid: number): boolean {
  const bits = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0'
  return (BigInt(`0x${bits}`) & SIGHUP_BIT) !== 0n
}
