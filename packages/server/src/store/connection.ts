import { userInfo } from 'node:os'
import {
  Client,
  type ClientConfig,
  type CustomTypesConfig,
  Pool,
  type PoolConfig,
  types as defaultTypes,
} from 'pg'
import { type ConnectionOptions, parse } from 'pg-connection-string'
import { SchemaError } from './schema-error.ts'

/** Which database, and as whom. */
export interface Address {
  /** `postgresql://…`; a Unix socket as `postgresql://user:password@/name?host=/folder`. */
  readonly connectionString: string
  /** Where names without a schema are looked for, before PostgreSQL's own. Default: nowhere else. */
  readonly schema?: string
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string
}

/** Numbers of type bigint come back as numbers: sequence numbers and counts stay far below 2^53. */
const types: CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === defaultTypes.builtins.INT8 && format !== 'binary'
      ? Number
      : (defaultTypes.getTypeParser(oid, format) as unknown),
}

/** What statements here take for granted, whatever role, database or address say: `pg` reads times in the form ISO. */
const SETTINGS = {
  DateStyle: 'ISO',
  default_transaction_isolation: 'read committed',
} as const

/** @throws {SchemaError} for an address that is none, or names a file that cannot be read */
function read(connectionString: string): ConnectionOptions & { readonly user: string } {
  try {
    const url = parse(connectionString)
    return { ...url, user: url.user || userInfo().username }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new SchemaError(
      `The address of the database cannot be used (${reason}); check DATABASE_URL.`,
      error,
    )
  }
}

/**
 * All that `pg` would otherwise look up in the environment (`PGHOST`, `PGOPTIONS`, `PGSSLMODE`, a password file …) is
 * said here: a variable that is meant for another program must not change where the server connects, or how.
 */
function configOf({ connectionString, schema, applicationName }: Address): ClientConfig {
  const url = read(connectionString)
  const settings = { ...SETTINGS, search_path: searchPath(schema) }
  return {
    user: url.user,
    // A function, because no password would be looked for elsewhere.
    password: () => url.password ?? '',
    host: url.host || 'localhost',
    port: Number(url.port || 5_432),
    database: url.database || url.user,
    ssl: (url.ssl ?? false) as NonNullable<ClientConfig['ssl']>,
    sslnegotiation: url.sslnegotiation ?? 'postgres',
    client_encoding: 'UTF8',
    application_name: applicationName,
    // Of two settings of one name the later one counts.
    options: [url.options ?? '', ...Object.entries(settings).map(toOption)].join(' ').trim(),
    types,
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
  }
}

/** Temporary tables come last, so that one of the same name hides nothing. */
function searchPath(schema: string | undefined): string {
  return schema === undefined ? 'pg_catalog,pg_temp' : `"${schema.replaceAll('"', '""')}",pg_temp`
}

function toOption([name, value]: readonly [string, string]): string {
  return `-c ${name}=${value.replaceAll(/[\\\s]/g, String.raw`\$&`)}`
}

/** `PGREPLICATION` can be left out in no other way. */
class OwnClient extends Client {
  constructor(config?: ClientConfig) {
    super(config)
    // Who uses a connection hears of its end by the next statement at the latest. Between the pool's listener and the user's
    // there is none for a moment, and what nobody hears would end the process.
    this.on('error', () => {})
    Object.assign((this as unknown as { connectionParameters: object }).connectionParameters, {
      replication: undefined,
    })
  }
}

/** A connection of one's own that behaves like those of the pool; not yet connected. */
export function newClient(address: Address): Client {
  return new OwnClient(configOf(address))
}

/** A pool; it connects on first use. */
export function newPool(address: Address, config: PoolConfig): Pool {
  return new Pool({ ...configOf(address), Client: OwnClient, ...config })
}
