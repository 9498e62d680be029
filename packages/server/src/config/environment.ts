import { homedir, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The process's environment. The only place where the server reads it. */
export function processEnvironment(): Environment {
  return process.env
}

/** The user's home; null where there is none: an account without one, or an id without an account. */
export function homeFolder(env: Environment): string | null {
  const home = env.HOME ?? homeOfAccount()
  return home.startsWith('/') && home !== '/' ? home : null
}

/** Where data goes that nobody chose a place for (XDG Base Directory Specification). */
export function defaultDataDir(env: Environment): string {
  const data = env.XDG_DATA_HOME
  if (data?.startsWith('/')) return join(data, 'cliscale')
  const home = homeFolder(env)
  if (home !== null) return join(home, '.local/share/cliscale')
  return join(tmpdir(), `cliscale-${process.getuid?.() ?? 'data'}`)
}

function homeOfAccount(): string {
  try {
    return homedir()
  } catch {
    return ''
  }
}

/** False for a user id that the system has no name for, as containers often run under. */
export function hasAccount(): boolean {
  try {
    return userInfo().username !== ''
  } catch {
    return false
  }
}
