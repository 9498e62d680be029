import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { ErrorCode, Role } from '@cliscale/sdk/protocol'
import type { TokenVerifier } from '../auth/session-tokens.ts'
import type { Clients } from '../http/client.ts'
import { CodedError } from '../http/coded-error.ts'
import { toCodedError } from '../http/error-body.ts'
import { assertForm } from '../http/request-form.ts'
import { requestIdOf } from '../http/request-id.ts'
import type { Log } from '../observability/log.ts'
import type { SessionTarget } from '../store/target.ts'
import type { Tokens } from '../store/tokens.ts'
import type { Admission } from './admission.ts'
import { adopt } from '../node-inside/adopt.ts'
import { ignore } from './dial.ts'
import { Gather } from './gather.ts'
import { type Handshake, isTypedRefusal, readHandshake, switchingProtocols } from './handshake.ts'
import { refuseByHttp } from './http-refusal.ts'
import { FLAG, Link } from './link.ts'
import type { GatewayMetrics } from './metrics.ts'
import type { GatewayLimits } from './options.ts'
import type { OriginCheck } from './origins.ts'
import type { Splice } from './splice.ts'

/** What the pipeline works with. */
export interface UpgradeServices {
  readonly limits: GatewayLimits
  readonly admission: Admission
  readonly origins: OriginCheck
  readonly verifier: Pick<TokenVerifier, 'verify'>
  readonly tokens: Pick<Tokens, 'redeem'>
  readonly splice: Splice
  readonly metrics: GatewayMetrics
  readonly log: Log
  readonly clients: Clients
  /** Open terminals now. */
  readonly connections: () => number
  /** A client was let in: its link is attached, nothing was sent but the 101. */
  readonly admit: (link: Link, target: SessionTarget, address: string) => void
}

/** What a redeemed token gives. */
interface Admitted {
  readonly role: Role
  readonly target: SessionTarget
  readonly accessId: string | null
}

/** One upgrade between request and answer. */
interface Attempt {
  readonly socket: Socket
  readonly head: Buffer
  readonly handshake: Handshake
  readonly origin: string | undefined
  readonly host: string | undefined
  readonly requestId: string
  readonly address: string
  /** Milliseconds of the process's clock. */
  readonly startedAt: number
  answered: boolean
}

/**
 * From an upgrade request to an open terminal, cheapest checks first: form, Origin, load, signature, then the one
 * statement that redeems the token. Node applies no timeout after `upgrade`, so the pipeline has its own.
 */
export class UpgradePipeline {
  private readonly services: UpgradeServices
  private readonly gather = new Gather<Attempt>((attempt) => void this.authorize(attempt))

  constructor(services: UpgradeServices) {
    this.services = services
  }

  /** Listener of the HTTP server's `upgrade` event. Never throws. */
  readonly handle = (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    socket.on('error', ignore)
    const requestId = requestIdOf(request)
    let attempt: Attempt
    try {
      attempt = this.enter({ request, socket, head, requestId })
    } catch (error) {
      this.refuseRequest(socket, error, requestId)
      return
    }
    this.gather.add(attempt)
  }

  /** The checks that need nothing but the request. @throws {CodedError} */
  private enter(from: {
    request: IncomingMessage
    socket: Socket
    head: Buffer
    requestId: string
  }): Attempt {
    const { request, socket, head, requestId } = from
    const { origins, admission, connections, clients } = this.services
    assertForm(request)
    const handshake = readHandshake(request)
    const { address, host } = clients.of(request)
    origins.checkHost(host)
    admission.enter(address, connections())
    const startedAt = performance.now()
    return {
      socket,
      head,
      handshake,
      origin: request.headers.origin,
      host,
      requestId,
      address,
      startedAt,
      answered: false,
    }
  }

  private async authorize(attempt: Attempt): Promise<void> {
    const { limits, admission } = this.services
    const timer = setTimeout(() => this.refuse(attempt, late()), limits.handshakeTimeoutMs)
    try {
      const admitted = await this.redeem(attempt)
      if (attempt.answered) return
      if (admission.draining) throw new CodedError('DRAINING')
      this.admit(attempt, admitted)
      this.services.metrics.phase('total', (performance.now() - attempt.startedAt) / 1_000)
    } catch (error) {
      this.refuse(attempt, this.coded(error, attempt.requestId))
    } finally {
      clearTimeout(timer)
      admission.leave(attempt.address)
    }
  }

  private async redeem(attempt: Attempt): Promise<Admitted> {
    const { origins, verifier, tokens, metrics } = this.services
    const startedAt = performance.now()
    origins.checkOrigin(attempt)
    const { sessionId, token } = attempt.handshake
    if (token === null) throw new CodedError('TOKEN_MISSING')
    const claims = await verifier.verify(token, sessionId)
    const verifiedAt = performance.now()
    metrics.phase('verify', (verifiedAt - startedAt) / 1_000)
    const redeemed = await tokens.redeem(claims.jti)
    metrics.phase('redeem', (performance.now() - verifiedAt) / 1_000)
    if (redeemed.outcome === 'expired') throw new CodedError('TOKEN_EXPIRED')
    if (redeemed.outcome === 'accessOver') throw new CodedError('ACCESS_ENDED')
    if (redeemed.outcome === 'used') throw new CodedError('TOKEN_USED')
    if (redeemed.sessionId !== sessionId) throw new CodedError('TOKEN_INVALID')
    if (redeemed.target === null) throw new CodedError('SESSION_NOT_FOUND')
    // Both must agree to let somebody type.
    const role = claims.role === 'driver' && redeemed.role === 'driver' ? 'driver' : 'observer'
    return { role, target: redeemed.target, accessId: redeemed.accessId }
  }

  private admit(attempt: Attempt, { role, target, accessId }: Admitted): void {
    const { splice, metrics, admit } = this.services
    const { socket, early } = adopt(attempt.socket, splice.clientReads)
    const link = this.complete(attempt, socket, { role, accessId })
    metrics.upgrade('ok', '')
    socket.cork()
    admit(link, target, attempt.address)
    socket.uncork()
    if (attempt.head.length > 0) splice.fromClient(link, attempt.head)
    if (early !== null) splice.fromClient(link, early)
  }

  /** Sends the 101 and takes the socket over. */
  private complete(
    attempt: Attempt,
    socket: Socket,
    { role, accessId }: Pick<Admitted, 'role' | 'accessId'>,
  ): Link {
    const { handshake, requestId } = attempt
    attempt.answered = true
    const { sessionId, subprotocol } = handshake
    const link = new Link({ client: socket, sessionId, requestId, role, subprotocol, accessId })
    socket.write(switchingProtocols(handshake, requestId), 'latin1')
    this.services.splice.attachClient(link)
    return link
  }

  /** Refuses a well-formed handshake: through the socket where the client can read it there. */
  private refuse(attempt: Attempt, error: CodedError): void {
    if (attempt.answered) return
    const { socket, requestId } = attempt
    if (!isTypedRefusal(error.code)) {
      attempt.answered = true
      return this.refuseRequest(socket, error, requestId)
    }
    this.countRefusal(error.code)
    socket.cork()
    const link = this.complete(attempt, socket, { role: 'observer', accessId: null })
    link.flags |= FLAG.refused | FLAG.deaf
    this.services.splice.fail(link, error.code, error)
    socket.uncork()
  }

  private refuseRequest(socket: Socket, error: unknown, requestId: string): void {
    const coded = this.coded(error, requestId)
    this.countRefusal(coded.code)
    refuseByHttp(socket, coded, requestId)
  }

  private countRefusal(code: ErrorCode): void {
    this.services.metrics.upgrade(code === 'INTERNAL' ? 'error' : 'rejected', code.toLowerCase())
  }

  private coded(error: unknown, requestId: string): CodedError {
    const coded = toCodedError(error)
    if (coded.code === 'INTERNAL') {
      this.services.log.error({ err: error, requestId }, 'A terminal upgrade failed unexpectedly')
    }
    return coded
  }
}

function late(): CodedError {
  return new CodedError('HANDSHAKE_TIMEOUT', 'The server could not check the token in time; try again.')
}
