import { isIP } from 'node:net'
import type { Config } from './config.ts'
import { overlap, readUidRange, SESSION_UIDS } from './uid-range.ts'

/** Problems that show only when options are looked at together, one sentence each. */
export function checkTogether(config: Config): readonly string[] {
  return [
    ...checkListening(config),
    ...checkIsolation(config),
    ...checkDatabase(config),
    ...checkUids(config),
    ...checkTimes(config),
    ...checkRecordings(config),
  ]
}

/**
 * On loopback only this machine can connect. Anywhere else the server must know its own name, so that a foreign name
 * or page is refused, and keys must not travel in clear unless somebody says that they may.
 */
function* checkListening({ host, publicUrl, insecureHttp }: Config): Generator<string> {
  const open = !isLoopback(host)
  if (open && publicUrl === null)
    yield `--host=${host} lets other machines connect; name the address that they use with --public-url=https://….`
  const url = publicUrl === null ? null : new URL(publicUrl)
  if (url?.protocol === 'http:' && !isLoopback(url.hostname) && !insecureHttp)
    yield `--public-url=${publicUrl} sends keys and terminals over the network in clear; use https, or allow it with --insecure-http.`
}

/** Whoever may start a session without isolation may do on this machine what the server's user may. */
function* checkIsolation(config: Config): Generator<string> {
  if (config.mode !== 'gateway' && config.isolation === 'none' && mustIsolate(config))
    yield `--isolation=none with --host=${config.host} lets other machines run programs here unisolated; choose bubblewrap, or accept it with --allow-unisolated.`
}

/** Whether sessions without isolation are refused: others can reach the server, and nobody said that this is meant. */
export function mustIsolate({ host, allowUnisolated }: Config): boolean {
  return !isLoopback(host) && !allowUnisolated
}

function* checkDatabase({ databaseUrl, mode }: Config): Generator<string> {
  if (databaseUrl === null && mode !== 'all')
    yield `Mode ${mode} needs DATABASE_URL: the embedded database serves mode all only.`
  if (databaseUrl !== null && !/^postgres(ql)?:\/\//.test(databaseUrl))
    yield 'DATABASE_URL must begin with postgresql://.'
}

/** A session that ran as the database's user could read all that the server stores. */
function* checkUids({ databaseUrl, databaseUids, mode, sessionUids }: Config): Generator<string> {
  const database = readUidRange(databaseUids)
  if (databaseUrl !== null || mode !== 'all' || database === null) return
  const own = sessionUids === null ? null : readUidRange(sessionUids)
  if (own !== null && overlap(own, database))
    yield `--session-uids=${sessionUids} and --database-uids=${databaseUids} share ids, so a session could become the user that owns the database; choose ranges that share none.`
  const taken = sessionUids === null ? SESSION_UIDS.find((range) => overlap(range, database)) : undefined
  if (taken !== undefined)
    yield `--database-uids=${databaseUids} shares ids with ${taken.first}-${taken.last}, which sessions get; choose others, or other ones for sessions with --session-uids.`
}

function* checkTimes({ defaultLifetimeSeconds, maxLifetimeSeconds }: Config): Generator<string> {
  if (defaultLifetimeSeconds > maxLifetimeSeconds)
    yield `--default-lifetime-seconds=${defaultLifetimeSeconds} is longer than --max-lifetime-seconds=${maxLifetimeSeconds}.`
}

function* checkRecordings({ recordings, s3Endpoint, s3Region, s3PathStyle }: Config): Generator<string> {
  if (recordings === 'local' && (s3Endpoint !== null || s3Region !== null || s3PathStyle))
    yield 'Options of S3 are given, but recordings are kept locally; name the bucket with --recordings=s3://….'
}

/** True for an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase()
  if (isIP(bare) === 4) return bare.startsWith('127.')
  return bare === 'localhost' || bare.endsWith('.localhost') || bare === '::1'
}
