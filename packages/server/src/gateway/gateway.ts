import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { errorRow, type Role } from '@cliscale/sdk/protocol'
import { type AccessStore, AccessWatch } from '../auth/access-watch.ts'
import type { RunnerSecret } from '../auth/runner-secret.ts'
import type { TokenVerifier } from '../auth/session-tokens.ts'
import { Clients } from '../http/client.ts'
import type { HostCheck } from '../http/host-check.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Events } from '../store/events.ts'
import type { EventHints } from '../store/listen.ts'
import type { Sessions } from '../store/sessions.ts'
import type { SessionTarget } from '../store/target.ts'
import type { Tokens } from '../store/tokens.ts'
import { Admission } from './admission.ts'
import { drainLinks, type DrainOptions } from './drain.ts'
import { Heartbeat } from './heartbeat.ts'
import { FLAG, type Link } from './link.ts'
import { gatewayMetrics, type GatewayMetrics } from './metrics.ts'
import { GATEWAY_DEFAULTS, type GatewayLimits, type RunnerReach } from './options.ts'
import { OriginCheck } from './origins.ts'
import { RunnerAddresses } from './runner-address.ts'
import { Splice } from './splice.ts'
import { GatewayStats } from './stats.ts'
import { TimerWheel } from './timer-wheel.ts'
import { UpgradePipeline } from './upgrade.ts'
import { tellExit, WaitingRoom, type WaitingRoomServices } from './waiting-room.ts'

/** Everything that a gateway works with. */
export interface GatewayOptions {
  readonly tokens: Pick<Tokens, 'redeem'>
  readonly sessions: Pick<Sessions, 'target'>
  readonly events: Pick<Events, 'after'>
  /** Whether the accesses of open terminals still hold. */
  readonly accesses: AccessStore
  readonly hints: Pick<EventHints, 'subscribe' | 'subscribeToAccesses'>
  readonly verifier: Pick<TokenVerifier, 'verify'>
  readonly runnerSecret: Pick<RunnerSecret, 'of'>
  readonly hosts: Pick<HostCheck, 'assert'>
  /** Origins of other pages that may open terminals. */
  readonly allowedOrigins: readonly string[]
  /** The server's public URL; its origin is allowed. */
  readonly publicUrl: string | null
  /** Which proxies are believed. Default: none. */
  readonly clients?: Clients
  readonly reach: RunnerReach
  /** Bounds that differ from {@link GATEWAY_DEFAULTS}. */
  readonly limits?: Partial<GatewayLimits>
  readonly log: Log
  readonly metrics: Metrics
}

/**
 * The data path: lets clients in, lets them wait for their runner, and joins the two sockets. It holds no state of
 * sessions, so that any gateway serves any client.
 */
export class Gateway {
  private readonly limits: GatewayLimits
  private readonly log: Log
  private readonly sessions: Pick<Sessions, 'target'>
  private readonly stats = new GatewayStats()
  private readonly counts: Record<Role, number> = { driver: 0, observer: 0 }
  private readonly admission: Admission
  private readonly accesses: AccessWatch<Link>
  private readonly wheel: TimerWheel<Link>
  private readonly splice: Splice
  private readonly heartbeat: Heartbeat
  private readonly metrics: GatewayMetrics
  private readonly waitingRoom: WaitingRoom
  private readonly pipeline: UpgradePipeline
  private readonly servers = new Map<
    Server,
    (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  >()

  constructor(options: GatewayOptions) {
    const limits = { ...GATEWAY_DEFAULTS, ...options.limits }
    this.limits = limits
    this.log = options.log
    this.sessions = options.sessions
    this.admission = new Admission(limits)
    this.wheel = new TimerWheel({ tickMs: limits.tickMs, onDue: (link) => this.heartbeat.due(link) })
    this.metrics = gatewayMetrics(options.metrics, {
      stats: this.stats,
      connections: () => this.counts,
      pendingUpgrades: () => this.admission.pending,
      bufferedBytes: () => this.bufferedBytes(),
      draining: () => this.admission.draining,
    })
    const { stats, wheel } = this
    this.splice = new Splice({
      limits,
      stats,
      wheel,
      events: {
        over: (link) => this.over(link),
        runnerLost: (link) => void this.runnerLost(link),
        roundTrip: (ms) => this.metrics.roundTrip(ms / 1_000),
        runnerFault: ({ sessionId, requestId }) =>
          this.log.warn({ sessionId, requestId }, 'A runner sent something that is no frame'),
      },
    })
    this.accesses = new AccessWatch({
      store: options.accesses,
      hints: options.hints,
      over: (link) => this.splice.refuse(link, 'ACCESS_ENDED', errorRow('ACCESS_ENDED').meaning),
      log: options.log,
    })
    this.heartbeat = new Heartbeat({ limits, stats, wheel, splice: this.splice })
    this.waitingRoom = new WaitingRoom(this.waitingRoomOf(options))
    this.pipeline = this.pipelineOf(options)
  }

  /** Open terminals. */
  get connections(): number {
    return this.counts.driver + this.counts.observer
  }

  /** Serves the terminals of an HTTP server. */
  attach(server: Server): void {
    const listener = (request: IncomingMessage, socket: Duplex, head: Buffer): void =>
      this.pipeline.handle(request, socket as Socket, head)
    server.on('upgrade', listener)
    this.servers.set(server, listener)
  }

  /**
   * Refuses new terminals and asks all clients to come back, spread over the window. Resolves when all are gone, at the
   * latest one close timeout after the window; what is left then is destroyed.
   */
  async drain(options: DrainOptions): Promise<void> {
    this.admission.draining = true
    this.log.info({ connections: this.connections, windowMs: options.windowMs }, 'Draining terminals')
    const links = (): Iterable<Link> => this.wheel.entries()
    const comeBack = (link: Link, withinMs: number): void => this.splice.comeBack(link, withinMs)
    await drainLinks({ links, comeBack }, options)
    const deadline = performance.now() + this.limits.closeTimeoutMs
    while (this.wheel.size > 0 && performance.now() < deadline) await tick()
    this.destroyAll()
  }

  /** Refuses new terminals and destroys all connections at once. Safe to call twice. */
  close(): void {
    this.admission.draining = true
    for (const [server, listener] of this.servers) server.off('upgrade', listener)
    this.servers.clear()
    this.accesses.close()
    this.destroyAll()
    this.wheel.close()
  }

  private destroyAll(): void {
    for (const link of Array.from(this.wheel.entries())) this.splice.destroy(link)
  }

  private waitingRoomOf(options: GatewayOptions): WaitingRoomServices {
    return {
      limits: this.limits,
      sessions: options.sessions,
      events: options.events,
      hints: options.hints,
      secrets: options.runnerSecret,
      addresses: new RunnerAddresses(options.reach),
      splice: this.splice,
      log: options.log,
      dialled: (result, { connectSeconds, answerSeconds }) => {
        this.metrics.dial(result.toLowerCase())
        this.metrics.phase('dial', connectSeconds)
        if (answerSeconds !== null) this.metrics.phase('handshake', answerSeconds)
      },
    }
  }

  private pipelineOf(options: GatewayOptions): UpgradePipeline {
    return new UpgradePipeline({
      limits: this.limits,
      admission: this.admission,
      origins: new OriginCheck(options),
      verifier: options.verifier,
      tokens: options.tokens,
      splice: this.splice,
      metrics: this.metrics,
      log: options.log,
      clients: options.clients ?? new Clients(),
      connections: () => this.connections,
      admit: (link, target, address) => this.admit(link, target, address),
    })
  }

  private admit(link: Link, target: SessionTarget, address: string): void {
    const { role, subprotocol, sessionId, requestId } = link
    this.counts[role] += 1
    this.heartbeat.begin(link)
    this.log.info({ sessionId, requestId, role, subprotocol, address }, 'Opened a terminal')
    this.waitingRoom.enter(link, target)
    this.accesses.hold(link.accessId, link)
  }

  private over(link: Link): void {
    if (link.is(FLAG.refused)) return
    this.accesses.release(link.accessId, link)
    const { role, sessionId, requestId, closeCode } = link
    this.counts[role] -= 1
    const seconds = ((this.wheel.now - link.openedAt) * this.limits.tickMs) / 1_000
    // Who said goodbye while it waited was answered by the gateway, but left by itself.
    const parted = closeCode !== 0 && link.is(FLAG.parted)
    const side = parted ? 'gateway' : link.is(FLAG.runnerClosing) ? 'runner' : 'client'
    const code = closeCode === 0 ? (link.is(FLAG.clientClosing) ? 1000 : 1006) : closeCode
    this.metrics.closed(side, knownCode(code))
    this.metrics.lasted(seconds)
    this.log.info({ sessionId, requestId, role, side, code, seconds }, 'Closed a terminal')
  }

  /** The runner's socket broke. If its session is over the client learns how; else it may come back and look again. */
  private async runnerLost(link: Link): Promise<void> {
    const { sessionId, requestId } = link
    const target = await this.sessions.target(sessionId).catch((error: unknown) => {
      this.log.warn({ err: error, sessionId, requestId }, 'The session of a lost runner could not be read')
      return null
    })
    if (target?.exit) return tellExit(this.splice, link, target.exit)
    this.splice.fail(link, 'RUNNER_UNREACHABLE')
  }

  private bufferedBytes(): number {
    let bytes = 0
    for (const { client, runner } of this.wheel.entries()) {
      bytes += client.writableLength + client.readableLength
      if (runner !== null) bytes += runner.writableLength + runner.readableLength
    }
    return bytes
  }
}

/** A label of bounded variety. */
function knownCode(code: number): string {
  return (code >= 1000 && code <= 1015) || (code >= 4400 && code <= 4599) ? String(code) : 'other'
}

function tick(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 10)
  })
}
