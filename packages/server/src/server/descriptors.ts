import { readFileSync } from 'node:fs'
import type { Config } from '../config/config.ts'
import type { Log } from '../observability/log.ts'

/** Descriptors for what the server does itself: listeners, files, logs, metrics, the database's own connections. */
const OWN_DESCRIPTORS = 96

/** Where the system does not tell. */
const UNKNOWN_LIMIT = 1_048_576

/** Of what is left for clients, the part of connections that are no terminals. */
const HTTP_SHARE = 0.25

/** A terminal has two: to its client and to its runner. */
const FOR_TERMINAL = 2

/** How many connections of each kind this process can have. */
export interface ConnectionBudget {
  readonly httpConnections: number
  readonly httpConnectionsPerAddress: number
  readonly terminals: number
  readonly pendingUpgrades: number
}

/** Open files that this process may have (`ulimit -n`, the soft limit, which Node raises to the hard one). */
export function descriptorLimit(): number {
  try {
    const text = readFileSync('/proc/self/limits', 'latin1')
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(text)?.[1]
    return soft === undefined || soft === 'unlimited' ? UNKNOWN_LIMIT : Number(soft)
  } catch {
    return UNKNOWN_LIMIT
  }
}

/**
 * The configured bounds, made smaller where descriptors do not suffice: a server that has none left can take no
 * connection, start no runner and open no file.
 */
export function connectionBudget(config: Config, limit: number = descriptorLimit()): ConnectionBudget {
  // A controller follows each session's runner over a socket of its own; it may have at most half.
  const runners = config.mode === 'gateway' ? 0 : config.maxSessions + config.spareRunners
  const own = OWN_DESCRIPTORS + config.dbMaxConnections
  const left = Math.max(8, limit - own - Math.min(runners, Math.floor((limit - own) / 2)))
  const share = Math.floor(left * (config.mode === 'controller' ? 1 : HTTP_SHARE))
  // A worker passes each request on over one more.
  const http = Math.max(4, config.workers > 1 && config.mode === 'gateway' ? Math.floor(share / 2) : share)
  const httpConnections = Math.min(config.maxHttpConnections, http)
  return {
    httpConnections,
    httpConnectionsPerAddress: Math.min(config.maxHttpConnectionsPerAddress, httpConnections),
    terminals: Math.min(config.maxConnections, Math.max(1, Math.floor((left - share) / FOR_TERMINAL))),
    pendingUpgrades: Math.min(config.maxPendingUpgrades, httpConnections),
  }
}

/** Says which bounds are smaller than configured. */
export function tellBudget(config: Config, log: Log): void {
  const limit = descriptorLimit()
  const { httpConnections, terminals } = connectionBudget(config, limit)
  const wanted = config.mode === 'controller' ? 0 : config.maxConnections
  if (httpConnections >= config.maxHttpConnections && terminals >= wanted) return
  log.warn(
    { openFiles: limit, httpConnections, terminals },
    'The limit of open files (ulimit -n) allows fewer connections than configured',
  )
}
