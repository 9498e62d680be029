import { resolve } from 'node:path'

/** Variables of the server's own environment that a runner and its command may see. Everything else stays here. */
const INHERITED = ['PATH', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ'] as const

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Settings of glibc's malloc (mallopt(3)) for the runner only: one heap, and what is free at its end goes back at once. */
const ALLOCATOR = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '65536' } as const

/**
 * The whole environment of a runner. It holds nothing that the server was configured with: no database address, no
 * keys, no cloud credentials.
 */
export function runnerEnvironment(home: string, compileCache: string): Record<string, string> {
  const environment = {
    PATH: DEFAULT_PATH,
    LANG: 'C.UTF-8',
    HOME: home,
    NODE_COMPILE_CACHE: compileCache,
    ...ALLOCATOR,
  }
  return { ...environment, ...inheritedEnvironment() }
}

/** The part of it that is the server's own. */
export function inheritedEnvironment(): Record<string, string> {
  const given = INHERITED.map((name) => [name, process.env[name] ?? ''] as const)
  return Object.fromEntries(given.filter(([, value]) => value !== ''))
}

/**
 * Where Node keeps what it compiles of a runner: `folder`, unless the runner is the TypeScript of a checkout. Of that the
 * checkout keeps it, where it keeps anything (`NODE_COMPILE_CACHE`): to strip the types anew costs each start a quarter of a
 * second of a processor, and the user that root's runner becomes can keep nothing.
 */
export function compileCacheOf(entry: string, folder: string): string {
  const kept = process.env.NODE_COMPILE_CACHE ?? ''
  return entry.endsWith('.ts') && kept !== '' ? resolve(kept) : folder
}
