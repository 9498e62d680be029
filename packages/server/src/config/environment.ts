import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The process's environment. The only place where the server reads it. */
export function processEnvironment(): Environment {
  return process.env
}

/** Where data goes that nobody chose a place for (XDG Base Directory Specification). */
export function defaultDataDir(env: Environment): string {
  const data = env.XDG_DATA_HOME
  if (data?.startsWith('/')) return join(data, 'cliscale')
  const home = env.HOME ?? homedir()
  return home === '' || home === '/' ? join(tmpdir(), 'cliscale') : join(home, '.local/share/cliscale')
}
