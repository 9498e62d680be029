import { DEFAULT_SCHEMA } from './db-schema.ts'
import { DATABASE_UIDS } from './uid-range.ts'

/** How the text of a flag or variable is read. */
export type OptionType =
  | 'text'
  | 'address'
  | 'path'
  | 'url'
  | 'integer'
  | 'flag'
  | 'list'
  | 'paths'
  | 'uids'
  | 'origins'
  | 'hosts'
  | 'networks'
  | 'proxies'
  | 'endpoints'
  | 'mode'
  | 'driver'
  | 'isolation'
  | 'recordings'
  | 'level'
  | 'format'
  | 'workers'
  | 'schema'

/** Roles that a server plays. */
export const MODES = ['all', 'controller', 'gateway'] as const

/** One of {@link MODES}. */
export type Mode = (typeof MODES)[number]

/** What may be logged, from most to nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** One row of {@link OPTIONS}. */
export interface OptionRow {
  readonly type: OptionType
  /** Environment variable. */
  readonly env: string
  /** Command-line flag without dashes; null for secrets, because other users see a process's arguments. */
  readonly flag: string | null
  /** Null: not set, or found out at start as `meaning` says. */
  readonly default: string | number | boolean | readonly string[] | null
  /** One sentence for `--help` and the reference page. */
  readonly meaning: string
  /** Modes that read it. */
  readonly modes: readonly Mode[]
  /** Never shown. */
  readonly secret?: boolean
  /** Bounds of an integer, both allowed. */
  readonly min?: number
  readonly max?: number
}

/**
 * Every option of the server. The parser, `--help`, the reference page, the line at start and the type of the
 * configuration all come from this table.
 */
// prettier-ignore
export const OPTIONS = {
  mode: { type: 'mode', env: 'CLISCALE_MODE', flag: 'mode', default: 'all', modes: ['all', 'controller', 'gateway'],
    meaning: 'Roles of this process: `controller` (REST, lifecycle), `gateway` (terminals), or `all` of them with the console.' },

  host: { type: 'address', env: 'CLISCALE_HOST', flag: 'host', default: '127.0.0.1', modes: ['all', 'controller', 'gateway'],
    meaning: 'Address to listen on. Any but a loopback address needs `--public-url`.' },
  port: { type: 'integer', env: 'CLISCALE_PORT', flag: 'port', default: 7680, min: 0, max: 65_535, modes: ['all', 'controller', 'gateway'],
    meaning: 'Port for REST, terminals and console; 0 takes a free one.' },
  internalHost: { type: 'address', env: 'CLISCALE_INTERNAL_HOST', flag: 'internal-host', default: '127.0.0.1', modes: ['all', 'controller', 'gateway'],
    meaning: 'Address to listen on for metrics and probes.' },
  internalPort: { type: 'integer', env: 'CLISCALE_INTERNAL_PORT', flag: 'internal-port', default: 7690, min: 0, max: 65_535, modes: ['all', 'controller', 'gateway'],
    meaning: 'Port for `/metrics`, `/healthz` and `/readyz`, without any sign-in; 0 takes a free one.' },
  publicUrl: { type: 'url', env: 'CLISCALE_PUBLIC_URL', flag: 'public-url', default: null, modes: ['all', 'controller', 'gateway'],
    meaning: 'Address under which clients reach the server, as in `https://terminals.example.com`. Issuer of session tokens; all processes of one installation need the same.' },
  insecureHttp: { type: 'flag', env: 'CLISCALE_INSECURE_HTTP', flag: 'insecure-http', default: false, modes: ['all', 'controller', 'gateway'],
    meaning: 'Allows a public URL with http: keys and terminals then cross the network in clear.' },
  allowedOrigins: { type: 'origins', env: 'CLISCALE_ALLOWED_ORIGINS', flag: 'allowed-origins', default: [], modes: ['all', 'controller', 'gateway'],
    meaning: 'Origins of other pages that may call the API and open terminals, separated by commas, each written out: `https://app.example.com`, `tauri://localhost`, `chrome-extension://<id>`.' },
  allowedHosts: { type: 'hosts', env: 'CLISCALE_ALLOWED_HOSTS', flag: 'allowed-hosts', default: [], modes: ['all', 'controller', 'gateway'],
    meaning: 'More host names under which the server may be addressed, separated by commas; its public URL\'s and, on loopback, `localhost` always are.' },

  trustedProxies: { type: 'proxies', env: 'CLISCALE_TRUSTED_PROXIES', flag: 'trusted-proxies', default: [], modes: ['all', 'controller', 'gateway'],
    meaning: 'Addresses and networks (CIDR) of your proxies, separated by commas. Only from these, `X-Forwarded-For`, `-Proto` and `-Host` say who the client is and how it came; `Forwarded` is not read. A proxy must set or remove all three.' },

  maxHttpConnections: { type: 'integer', env: 'CLISCALE_MAX_HTTP_CONNECTIONS', flag: 'max-http-connections', default: 10_000, min: 4, max: 1_000_000, modes: ['all', 'controller', 'gateway'],
    meaning: 'Most connections of this process that are no terminals, fewer where `ulimit -n` allows no more. One more takes the place of the one that is idle for longest.' },
  maxHttpConnectionsPerAddress: { type: 'integer', env: 'CLISCALE_MAX_HTTP_CONNECTIONS_PER_ADDRESS', flag: 'max-http-connections-per-address', default: 1_000, min: 1, max: 1_000_000, modes: ['all', 'controller', 'gateway'],
    meaning: 'The same for one client address (IPv6: for one /64). Behind a proxy that is not of `--trusted-proxies` all clients have its address: allow as many as in all.' },
  keepAliveSeconds: { type: 'integer', env: 'CLISCALE_KEEP_ALIVE_SECONDS', flag: 'keep-alive-seconds', default: 72, min: 1, max: 3_600, modes: ['all', 'controller', 'gateway'],
    meaning: 'An HTTP connection without a request is closed after so long. Keep it above the idle timeout of a balancer.' },
  requestTimeoutSeconds: { type: 'integer', env: 'CLISCALE_REQUEST_TIMEOUT_SECONDS', flag: 'request-timeout-seconds', default: 10, min: 1, max: 300, modes: ['all', 'controller', 'gateway'],
    meaning: 'Longest wait for a request\'s headers, and for the whole request.' },

  workers: { type: 'workers', env: 'CLISCALE_WORKERS', flag: 'workers', default: 1, min: 1, max: 256, modes: ['all', 'gateway'],
    meaning: 'Processes of this machine that serve the port together, or `auto`: one for each processor. Limits of connections and of upgrades are for each process.' },

  dataDir: { type: 'path', env: 'CLISCALE_DATA_DIR', flag: 'data-dir', default: null, modes: ['all', 'controller', 'gateway'],
    meaning: 'Folder for keys, the embedded database and work folders; `~` at its beginning is the home folder. Default: `$XDG_DATA_HOME/cliscale`, else `~/.local/share/cliscale`.' },
  databaseUrl: { type: 'text', env: 'DATABASE_URL', flag: null, default: null, secret: true, modes: ['all', 'controller', 'gateway'],
    meaning: 'PostgreSQL to use, as in `postgresql://user:password@host/name`. Default in mode `all`: an embedded server; required in the other modes.' },
  dbSchema: { type: 'schema', env: 'CLISCALE_DB_SCHEMA', flag: 'db-schema', default: DEFAULT_SCHEMA, modes: ['all', 'controller', 'gateway'],
    meaning: 'Schema of the database that is the server\'s own; all processes of one installation need the same. Several installations may share a database.' },
  databaseUids: { type: 'uids', env: 'CLISCALE_DATABASE_UIDS', flag: 'database-uids', default: `${DATABASE_UIDS.first}-${DATABASE_UIDS.last}`, modes: ['all'],
    meaning: 'User ids of which the embedded database of each data folder gets one of its own when the server runs as root, as in `first-last`. Nobody else may use them.' },
  dbMaxConnections: { type: 'integer', env: 'DB_MAX_CONNECTIONS', flag: 'db-max-connections', default: 10, min: 2, max: 1_000, modes: ['all', 'controller', 'gateway'],
    meaning: 'Most connections of this process\'s pool.' },
  dbIdleTimeoutMillis: { type: 'integer', env: 'DB_IDLE_TIMEOUT_MILLIS', flag: 'db-idle-timeout-millis', default: 30_000, min: 0, max: 86_400_000, modes: ['all', 'controller', 'gateway'],
    meaning: 'An idle database connection is closed after so many milliseconds.' },
  dbAcquireTimeoutMillis: { type: 'integer', env: 'DB_ACQUIRE_TIMEOUT_MILLIS', flag: 'db-acquire-timeout-millis', default: 5_000, min: 100, max: 60_000, modes: ['all', 'controller', 'gateway'],
    meaning: 'Longest wait for a database connection, in milliseconds; after it the answer is 503.' },

  driver: { type: 'driver', env: 'CLISCALE_DRIVER', flag: 'driver', default: 'process', modes: ['all', 'controller'],
    meaning: 'Where runners run: `process`, as children on this machine.' },
  verifiersModule: { type: 'path', env: 'CLISCALE_VERIFIERS_MODULE', flag: 'verifiers-module', default: null, modes: ['all', 'controller'],
    meaning: 'JavaScript module whose default export is a list of `IdentityVerifier`s, or a function that makes it: ways of knowing a caller, asked before API keys.' },
  templates: { type: 'path', env: 'CLISCALE_TEMPLATES', flag: 'templates', default: null, modes: ['all', 'controller'],
    meaning: 'JSON or YAML file with the templates that clients may start; `allow` of each says which fields and variables (`env.NAME`) they may set, now or later. Default: one, `shell`, that runs this user\'s shell and opens everything.' },
  spareRunners: { type: 'integer', env: 'CLISCALE_SPARE_RUNNERS', flag: 'spare-runners', default: 2, min: 0, max: 1_000, modes: ['all', 'controller'],
    meaning: 'Blank runners kept waiting, so that a session starts at once.' },
  maxSessions: { type: 'integer', env: 'CLISCALE_MAX_SESSIONS', flag: 'max-sessions', default: 100, min: 1, max: 1_000_000, modes: ['all', 'controller'],
    meaning: 'Most sessions that run at once; more wait in the queue.' },
  maxSessionsPerOwner: { type: 'integer', env: 'CLISCALE_MAX_SESSIONS_PER_OWNER', flag: 'max-sessions-per-owner', default: 0, min: 0, max: 1_000_000, modes: ['all', 'controller'],
    meaning: 'Most live sessions of one owner, waiting ones included; more are refused with 429. 0: no limit.' },
  maxSessionsPerProject: { type: 'integer', env: 'CLISCALE_MAX_SESSIONS_PER_PROJECT', flag: 'max-sessions-per-project', default: 0, min: 0, max: 1_000_000, modes: ['all', 'controller'],
    meaning: 'The same for all owners of one project.' },
  lingerSeconds: { type: 'integer', env: 'CLISCALE_LINGER_SECONDS', flag: 'linger-seconds', default: 30, min: 0, max: 600, modes: ['all', 'controller'],
    meaning: 'How long a runner stays after its command\'s end for terminals that have not read all.' },
  maxLifetimeSeconds: { type: 'integer', env: 'CLISCALE_MAX_LIFETIME_SECONDS', flag: 'max-lifetime-seconds', default: 86_400, min: 5, max: 86_400, modes: ['all', 'controller'],
    meaning: 'Longest life of a session, from its creation to its end, however often it is extended.' },
  defaultLifetimeSeconds: { type: 'integer', env: 'CLISCALE_DEFAULT_LIFETIME_SECONDS', flag: 'default-lifetime-seconds', default: 3_600, min: 5, max: 86_400, modes: ['all', 'controller'],
    meaning: 'Life of a session when neither request nor template says.' },
  defaultIdleTimeoutSeconds: { type: 'integer', env: 'CLISCALE_DEFAULT_IDLE_TIMEOUT_SECONDS', flag: 'default-idle-timeout-seconds', default: 1_800, min: 0, max: 86_400, modes: ['all', 'controller'],
    meaning: 'A session without a byte in either direction for so long ends, when neither request nor template says; 0 turns it off.' },
  startTimeoutSeconds: { type: 'integer', env: 'CLISCALE_START_TIMEOUT_SECONDS', flag: 'start-timeout-seconds', default: 300, min: 5, max: 3_600, modes: ['all', 'controller', 'gateway'],
    meaning: 'A session whose command does not run after so long fails; terminals wait as long for it.' },
  keepEndedSeconds: { type: 'integer', env: 'CLISCALE_KEEP_ENDED_SECONDS', flag: 'keep-ended-seconds', default: 604_800, min: 60, max: 31_536_000, modes: ['all', 'controller'],
    meaning: 'How long an ended session and its history stay readable.' },
  isolation: { type: 'isolation', env: 'CLISCALE_ISOLATION', flag: 'isolation', default: 'auto', modes: ['all', 'controller'],
    meaning: 'What keeps sessions apart with the process driver: `bubblewrap`, `none`, or `auto`: bubblewrap where it works.' },
  allowUnisolated: { type: 'flag', env: 'CLISCALE_ALLOW_UNISOLATED', flag: 'allow-unisolated', default: false, modes: ['all', 'controller'],
    meaning: 'Allows sessions without isolation on a server that other machines can reach.' },
  sessionPaths: { type: 'paths', env: 'CLISCALE_SESSION_PATHS', flag: 'session-paths', default: [], modes: ['all', 'controller'],
    meaning: 'Paths that isolated sessions see, read-only, beside the system\'s own folders, separated by colons.' },
  sessionUids: { type: 'uids', env: 'CLISCALE_SESSION_UIDS', flag: 'session-uids', default: null, modes: ['all', 'controller'],
    meaning: 'Uids, as in `1900000000-1900065535`, of which each session of a server that runs as root gets one of its own. Default: a range that belongs to nobody.' },
  sessionProcesses: { type: 'integer', env: 'CLISCALE_SESSION_PROCESSES', flag: 'session-processes', default: 1_024, min: 0, max: 4_194_304, modes: ['all', 'controller'],
    meaning: 'Most processes and threads of a session; 0: any number. `session.limits` tells which limits hold.' },
  sessionMemoryBytes: { type: 'integer', env: 'CLISCALE_SESSION_MEMORY_BYTES', flag: 'session-memory-bytes', default: 4_294_967_296, min: 0, max: 1_099_511_627_776, modes: ['all', 'controller'],
    meaning: 'Most memory of a session; 0: any. A session over it is ended. Where the server may not make control groups, it is watched.' },
  sessionCpuPercent: { type: 'integer', env: 'CLISCALE_SESSION_CPU_PERCENT', flag: 'session-cpu-percent', default: 0, min: 0, max: 102_400, modes: ['all', 'controller'],
    meaning: 'Most processor time of a session, 100 for one whole processor; 0: any. It holds where the server may make control groups.' },
  sessionOpenFiles: { type: 'integer', env: 'CLISCALE_SESSION_OPEN_FILES', flag: 'session-open-files', default: 16_384, min: 0, max: 1_048_576, modes: ['all', 'controller'],
    meaning: 'Most open files of each process of a session; 0: as many as the server\'s own.' },
  sessionDiskBytes: { type: 'integer', env: 'CLISCALE_SESSION_DISK_BYTES', flag: 'session-disk-bytes', default: 10_737_418_240, min: 0, max: 1_099_511_627_776, modes: ['all', 'controller'],
    meaning: 'Largest size of a session\'s work folder and temporary files together; 0: any. A session over it is ended.' },
  bundleHttpHosts: { type: 'endpoints', env: 'CLISCALE_BUNDLE_HTTP_HOSTS', flag: 'bundle-http-hosts', default: [], modes: ['all', 'controller'],
    meaning: 'Hosts (`host` or `host:port`) from which bundles may come over http, separated by commas; from all others https only. One that is named by its address, or as `localhost`, may also be private.' },
  bundlePrivateNetworks: { type: 'networks', env: 'CLISCALE_BUNDLE_PRIVATE_NETWORKS', flag: 'bundle-private-networks', default: [], modes: ['all', 'controller'],
    meaning: 'Networks (CIDR) in which a bundle\'s host may be although they are not public, as in `10.0.0.0/8`, separated by commas.' },

  recordings: { type: 'recordings', env: 'CLISCALE_RECORDINGS', flag: 'recordings', default: 'local', modes: ['all', 'controller'],
    meaning: 'Where recordings of sessions are kept: `local`, below the data folder, or `s3://bucket/prefix`.' },
  s3Endpoint: { type: 'url', env: 'CLISCALE_S3_ENDPOINT', flag: 's3-endpoint', default: null, modes: ['all', 'controller'],
    meaning: 'Address of an S3-compatible store that is not Amazon\'s. Credentials come from the AWS client\'s own chain, such as `AWS_ACCESS_KEY_ID`.' },
  s3Region: { type: 'text', env: 'CLISCALE_S3_REGION', flag: 's3-region', default: null, modes: ['all', 'controller'],
    meaning: 'Region of the bucket. Default: the AWS client\'s own, or `us-east-1` with an endpoint.' },
  s3PathStyle: { type: 'flag', env: 'CLISCALE_S3_PATH_STYLE', flag: 's3-path-style', default: false, modes: ['all', 'controller'],
    meaning: 'Puts the bucket into the path and not into the host name, as most stores but Amazon\'s want.' },
  recordingMaxBytes: { type: 'integer', env: 'CLISCALE_RECORDING_MAX_BYTES', flag: 'recording-max-bytes', default: 67_108_864, min: 65_536, max: 4_294_967_296, modes: ['all', 'controller'],
    meaning: 'Limit of one recording; the session goes on without it.' },
  recordingRetentionSeconds: { type: 'integer', env: 'CLISCALE_RECORDING_RETENTION_SECONDS', flag: 'recording-retention-seconds', default: 2_592_000, min: 60, max: 315_360_000, modes: ['all', 'controller'],
    meaning: 'How long a finished recording is kept. Its session stays as long.' },

  maxConnections: { type: 'integer', env: 'CLISCALE_MAX_CONNECTIONS', flag: 'max-connections', default: 50_000, min: 1, max: 1_000_000, modes: ['all', 'gateway'],
    meaning: 'Most open terminals of this process; more are refused with 503.' },
  maxPendingUpgrades: { type: 'integer', env: 'CLISCALE_MAX_PENDING_UPGRADES', flag: 'max-pending-upgrades', default: 1_024, min: 1, max: 100_000, modes: ['all', 'gateway'],
    meaning: 'Most terminal upgrades that wait for their answer at once.' },
  maxPendingPerAddress: { type: 'integer', env: 'CLISCALE_MAX_PENDING_PER_ADDRESS', flag: 'max-pending-per-address', default: 256, min: 1, max: 100_000, modes: ['all', 'gateway'],
    meaning: 'The same for one client address.' },
  maxWaitingTerminals: { type: 'integer', env: 'CLISCALE_MAX_WAITING_TERMINALS', flag: 'max-waiting-terminals', default: 10_000, min: 1, max: 1_000_000, modes: ['all', 'gateway'],
    meaning: 'Most terminals of this process that wait for their runner at once; more are refused with 503.' },
  maxWaitingBytes: { type: 'integer', env: 'CLISCALE_MAX_WAITING_BYTES', flag: 'max-waiting-bytes', default: 131_072, min: 1_024, max: 16_777_216, modes: ['all', 'gateway'],
    meaning: 'Input that is kept for each terminal that waits for its runner; the rest stays in its socket.' },
  maxBufferedBytes: { type: 'integer', env: 'CLISCALE_MAX_BUFFERED_BYTES', flag: 'max-buffered-bytes', default: 268_435_456, min: 1_048_576, max: 68_719_476_736, modes: ['all', 'gateway'],
    meaning: 'Bytes that all terminals of this process together may hold back; beyond it those that stall longest are cut off.' },
  pingIntervalSeconds: { type: 'integer', env: 'CLISCALE_PING_INTERVAL_SECONDS', flag: 'ping-interval-seconds', default: 25, min: 1, max: 3_600, modes: ['all', 'gateway'],
    meaning: 'A terminal that was sent nothing for so long, within a fifth, is pinged. Keep it below the idle timeout of every proxy.' },
  pongTimeoutSeconds: { type: 'integer', env: 'CLISCALE_PONG_TIMEOUT_SECONDS', flag: 'pong-timeout-seconds', default: 15, min: 1, max: 3_600, modes: ['all', 'gateway'],
    meaning: 'Time for the answer to a ping; two misses end the connection.' },
  maxConnectionSeconds: { type: 'integer', env: 'CLISCALE_MAX_CONNECTION_SECONDS', flag: 'max-connection-seconds', default: 14_400, min: 60, max: 604_800, modes: ['all', 'gateway'],
    meaning: 'Longest connection of a terminal, within a tenth; then its client is asked to come back, and resumes.' },
  handshakeTimeoutMillis: { type: 'integer', env: 'CLISCALE_HANDSHAKE_TIMEOUT_MILLIS', flag: 'handshake-timeout-millis', default: 5_000, min: 100, max: 60_000, modes: ['all', 'gateway'],
    meaning: 'Longest time from a terminal\'s upgrade request to its answer.' },
  dialTimeoutMillis: { type: 'integer', env: 'CLISCALE_DIAL_TIMEOUT_MILLIS', flag: 'dial-timeout-millis', default: 2_000, min: 100, max: 60_000, modes: ['all', 'gateway'],
    meaning: 'Longest time of one attempt to reach a runner.' },
  dialRetryMillis: { type: 'integer', env: 'CLISCALE_DIAL_RETRY_MILLIS', flag: 'dial-retry-millis', default: 3_000, min: 0, max: 60_000, modes: ['all', 'gateway'],
    meaning: 'A runner that cannot be reached is tried again for so long.' },
  runnerNetworks: { type: 'networks', env: 'CLISCALE_RUNNER_NETWORKS', flag: 'runner-networks', default: [], modes: ['all', 'gateway'],
    meaning: 'Networks (CIDR) in which runners that listen on TCP may be, separated by commas.' },
  drainSeconds: { type: 'integer', env: 'CLISCALE_DRAIN_SECONDS', flag: 'drain-seconds', default: 3, min: 0, max: 3_600, modes: ['all', 'gateway'],
    meaning: 'Time over which terminals are asked to reconnect elsewhere when the server stops. Set 120 behind a balancer.' },

  ignoreHangup: { type: 'flag', env: 'CLISCALE_IGNORE_HANGUP', flag: 'ignore-hangup', default: false, modes: ['all', 'controller', 'gateway'],
    meaning: 'Goes on when its terminal closes (SIGHUP), as it does under `nohup` by itself.' },

  logLevel: { type: 'level', env: 'CLISCALE_LOG_LEVEL', flag: 'log-level', default: 'info', modes: ['all', 'controller', 'gateway'],
    meaning: 'Least level that is logged: trace, debug, info, warn, error, fatal, silent.' },
  logFormat: { type: 'format', env: 'CLISCALE_LOG_FORMAT', flag: 'log-format', default: 'auto', modes: ['all', 'controller', 'gateway'],
    meaning: '`json`, `pretty` for people, or `auto`: pretty on a terminal, else JSON.' },
} as const satisfies Record<string, OptionRow>
