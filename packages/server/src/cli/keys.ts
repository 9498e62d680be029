import { createApiKey } from '../auth/api-keys.ts'
import { type Scope, SCOPES } from '../auth/identity.ts'
import { ConfigError } from '../config/config.ts'
import { StartError } from '../server/data-folder.ts'
import { DEFAULT_PROJECT } from '../server/storage.ts'
import type { Store } from '../store/store.ts'
import { configOf, quietLog } from './config-of.ts'
import type { CommandLine } from './main.ts'
import { printResult } from './result.ts'
import { openStore } from './store-of.ts'

const DEFAULT_SCOPES: readonly Scope[] = ['sessions:read', 'sessions:write']

/** `keys create|list|revoke`. */
export async function keys({ words, options }: CommandLine): Promise<number> {
  const [verb, argument, ...more] = words
  const { scopes, rest } = takeScopes(options)
  const config = configOf({ words: more, options: rest })
  const action = actionOf(verb, argument, scopes)
  await using storage = await openStore(config, quietLog(config))
  return await action(storage.store)
}

/** Resolves to the exit code. */
type Action = (store: Store) => Promise<number>

function actionOf(verb: string | undefined, argument: string | undefined, scopes: readonly Scope[]): Action {
  switch (verb) {
    case 'create':
      return (store) => create(store, argument ?? 'unnamed', scopes)
    case 'list':
      if (argument === undefined) return list
      break
    case 'revoke':
      if (argument !== undefined) return (store) => revoke(store, argument)
      break
    default:
  }
  throw new ConfigError(['Say: keys create <name>, keys list, or keys revoke <id>.'])
}

/** The key alone on standard output, so that a script can take it; what to do with it on standard error. */
async function create(store: Store, name: string, scopes: readonly Scope[]): Promise<number> {
  const { secret, record } = await createApiKey(store.apiKeys, { project: DEFAULT_PROJECT, name, scopes })
  process.stderr.write(
    `Made ${record.id} (${scopes.join(', ')}). The key is shown this once; keep it safe:\n`,
  )
  return await printResult(
    `${secret}\n`,
    `The key is lost; make it invalid with: cliscale-server keys revoke ${record.id}`,
  )
}

async function list(store: Store): Promise<number> {
  const all = (await store.apiKeys.list(DEFAULT_PROJECT)).filter(({ kind }) => kind === 'api')
  const lines = all.map(({ id, name, scopes, createdAt, lastUsedAt, revokedAt }) =>
    [
      id,
      name,
      scopes.join(','),
      createdAt.toISOString(),
      lastUsedAt === null ? 'never used' : `used ${lastUsedAt.toISOString()}`,
      revokedAt === null ? 'valid' : `revoked ${revokedAt.toISOString()}`,
    ].join('\t'),
  )
  return await printResult(lines.map((line) => `${line}\n`).join(''))
}

async function revoke(store: Store, id: string): Promise<number> {
  if (await store.apiKeys.revoke(DEFAULT_PROJECT, id)) return await printResult(`Revoked ${id}.\n`)
  throw new StartError(`There is no valid key ${JSON.stringify(id)}; see: cliscale-server keys list`)
}

function takeScopes(options: readonly string[]): { scopes: readonly Scope[]; rest: readonly string[] } {
  const flag = '--scopes='
  const given = options.filter((option) => option.startsWith(flag))
  const rest = options.filter((option) => !option.startsWith(flag))
  if (given.length === 0) return { scopes: DEFAULT_SCOPES, rest }
  const names = given.flatMap((option) => option.slice(flag.length).split(','))
  const scopes = SCOPES.filter((scope) => names.includes(scope))
  if (names.some((name) => !(SCOPES as readonly string[]).includes(name)))
    throw new ConfigError([`--scopes holds ${SCOPES.join(', ')}, not ${JSON.stringify(names.join(','))}.`])
  return { scopes, rest }
}
