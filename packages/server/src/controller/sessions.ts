import {
  type CreateSessionRequest,
  type Role,
  type SessionInfo,
  TOKEN_TTL_SECONDS,
  type UpdateSessionRequest,
} from '@cliscale/sdk/protocol'
import type { Identity } from '../auth/identity.ts'
import { newTokenId, type TokenIssuer } from '../auth/session-tokens.ts'
import { CodedError } from '../http/coded-error.ts'
import type { CreatedSession, CreateSession } from '../store/create-session.ts'
import type { SessionRecord } from '../store/session-row.ts'
import type { Capacity } from './capacity.ts'
import type { Ender } from './ender.ts'
import { newSessionId } from './ids.ts'
import { kindOf, type Parts, targetOf } from './parts.ts'
import type { Queue } from './queue.ts'
import { requestDigest } from './request-digest.ts'
import { update } from './runner-client.ts'
import { sealRecipe } from './sealed-recipe.ts'
import type { Spares } from './spares.ts'
import type { Starter } from './starter.ts'
import { type AppliedTemplate, applyTemplate, findTemplate } from './templates/apply.ts'
import { assertPermitted, type Change } from './templates/permit.ts'
import type { Template } from './templates/template.ts'

/** Not the id of any runner, so the key that it yields is used for nothing else. */
const DIGEST_KEY = 'request-digest'

const UPDATE_TIMEOUT_MS = 5_000

/** One token, ready for its bearer. */
export interface TerminalToken {
  readonly token: string
  readonly expiresAt: Date
  readonly role: Role
}

/** A create request whose caller is known. */
export interface CreateCall {
  readonly identity: Identity
  readonly owner: string
  readonly body: CreateSessionRequest
  readonly idempotencyKey: string | undefined
}

/** What {@link Sessions} needs. */
export interface SessionsOptions {
  readonly parts: Parts
  readonly tokens: TokenIssuer
  readonly templates: ReadonlyMap<string, Template>
  readonly capacity: Capacity
  readonly starter: Starter
  readonly queue: Queue
  readonly spares: Spares
  readonly ender: Ender
  /** Longest life of a session, in seconds. */
  readonly maxLifetimeSeconds: number
  /** Most live sessions of one owner and one project. Default: no limit. */
  readonly limits?: { readonly perOwner: number; readonly perProject: number }
}

/** What callers do with sessions. */
export class Sessions {
  readonly #options: SessionsOptions
  readonly #digestKey: string

  constructor(options: SessionsOptions) {
    this.#options = options
    this.#digestKey = options.parts.runnerSecret.of(DIGEST_KEY)
  }

  /**
   * Makes a session and returns at once; its start goes on by itself. With an idempotency key that was used before, the
   * session of then.
   *
   * @throws {CodedError} `TEMPLATE_NOT_FOUND`, `VALIDATION_FAILED`, `IDEMPOTENCY_MISMATCH`, `QUOTA_EXCEEDED`,
   *   `DATABASE_UNAVAILABLE`
   */
  async create(
    call: CreateCall,
  ): Promise<{ readonly created: boolean; readonly session: SessionInfo; readonly token: TerminalToken }> {
    const { templates, maxLifetimeSeconds } = this.#options
    const applied = applyTemplate(findTemplate(templates, call.body.template), call.body, maxLifetimeSeconds)
    const id = newSessionId()
    const place = this.#options.queue.waiting === 0 && this.#options.capacity.take(id)
    try {
      const [made, token] = await this.#insert(call, applied, { id, place })
      if (!made.created) {
        this.#options.capacity.release(id)
        return { created: false, session: made.info, token: await this.mint(call.identity, made.info) }
      }
      void this.#begin(made, applied, place)
      return { created: true, session: made.info, token }
    } catch (error) {
      this.#options.capacity.release(id)
      throw error
    }
  }

  /** A new token for a session; it ends with the access of who asks. @throws {CodedError} `DATABASE_UNAVAILABLE` */
  async mint(
    { access }: Identity,
    { id, owner }: SessionInfo,
    role: Role = 'driver',
    ttlSeconds: number = TOKEN_TTL_SECONDS.default,
  ): Promise<TerminalToken> {
    const { token, jti, expiresAt } = await this.#options.tokens.mint({
      sessionId: id,
      subject: owner,
      role,
      ttlSeconds,
    })
    await this.#options.parts.store.tokens.mint(id, { jti, role, expiresAt, accessId: access ?? null })
    return { token, expiresAt, role }
  }

  /**
   * Changes lifetime or metadata; the runner is told the new end before the call returns.
   *
   * @throws {CodedError} `VALIDATION_FAILED`, `SESSION_ENDED`, `RUNNER_UNREACHABLE`, `DATABASE_UNAVAILABLE`
   */
  async update(session: SessionRecord, body: UpdateSessionRequest): Promise<SessionInfo> {
    const { store } = this.#options.parts
    const { project, id } = session.info
    const ageSeconds = Math.max(0, (Date.now() - Date.parse(session.info.createdAt)) / 1_000)
    this.assertPermitted(session, { kind: 'update', request: body, ageSeconds })
    const { maxLifetimeSeconds } = this.#options
    const updated = await store.sessions.update({ project, id, ...body, maxLifetimeSeconds })
    if (updated === null) throw new CodedError('SESSION_ENDED', 'The session is over or is being ended.')
    if (body.lifetimeSeconds !== undefined) await this.#tellRunner(updated)
    return updated.info
  }

  /** Begins to end a session. @throws {CodedError} `DATABASE_UNAVAILABLE` */
  async end(session: SessionRecord): Promise<SessionInfo> {
    this.assertPermitted(session, { kind: 'end' })
    return (await this.#options.ender.end(session, 'killed')).info
  }

  /** Whether a session's template lets it be changed so. @throws {CodedError} `VALIDATION_FAILED`, `FORBIDDEN` */
  assertPermitted({ info }: SessionRecord, change: Exclude<Change, { kind: 'create' }>): void {
    const { templates, maxLifetimeSeconds } = this.#options
    assertPermitted(templates.get(info.template) ?? null, change, { maxLifetimeSeconds })
  }

  async #insert(
    { identity, owner, body, idempotencyKey }: CreateCall,
    applied: AppliedTemplate,
    { id, place }: { readonly id: string; readonly place: boolean },
  ): Promise<[CreatedSession, TerminalToken]> {
    const { parts, tokens, limits } = this.#options
    const { recipe, template, lifetimeSeconds, idleTimeoutSeconds } = applied
    const { command, args, columns, rows, recording } = recipe
    const role = 'driver'
    const ttlSeconds = TOKEN_TTL_SECONDS.default
    const jti = newTokenId()
    // The row is written while the token is being signed: either alone opens nothing.
    const expiresAt = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + ttlSeconds * 1_000)
    const input: CreateSession = {
      session: {
        id,
        project: identity.project,
        owner,
        template,
        command,
        args,
        columns,
        rows,
        metadata: body.metadata ?? {},
        isolation: parts.driver.isolation,
        lifetimeSeconds,
        idleTimeoutSeconds,
        ...(recording === undefined ? {} : { recording }),
      },
      token: { jti, role, expiresAt, accessId: identity.access ?? null },
      sealed: sealRecipe(parts.sealer, id, recipe),
      ...(idempotencyKey === undefined
        ? {}
        : {
            idempotency: {
              key: idempotencyKey,
              digest: requestDigest(body, this.#digestKey),
            },
          }),
      claimBlank: place ? kindOf(parts.driver) : null,
      ...(limits === undefined ? {} : { limits }),
    }
    const [made, minted] = await Promise.all([
      parts.store.sessions.create(input),
      tokens.mint({ sessionId: id, subject: owner, role, ttlSeconds, jti }),
    ])
    return [made, { token: minted.token, expiresAt: minted.expiresAt, role }]
  }

  async #begin(made: CreatedSession, { recipe }: AppliedTemplate, place: boolean): Promise<void> {
    const { starter, queue, spares, parts } = this.#options
    parts.log.info({ sessionId: made.info.id, template: made.info.template }, 'session created')
    spares.refillSoon()
    try {
      if (made.runner !== null) return starter.begin(made, made.runner, recipe)
      // No blank runner was there a moment ago, so none is looked for again.
      if (place && (await starter.schedule(made, { claimBlank: false, recipe }))) return
    } catch (error) {
      parts.log.warn({ err: error, sessionId: made.info.id }, 'a session stays in the queue')
      this.#options.capacity.release(made.info.id)
    }
    queue.look()
  }

  async #tellRunner({ info, runnerId }: SessionRecord): Promise<void> {
    const { parts } = this.#options
    const runner = runnerId === null ? null : await parts.store.runners.get(runnerId)
    const target = runner?.assigned === true ? targetOf(parts, runner) : null
    if (target === null) return
    const expiresAtMs = Date.parse(info.expiresAt)
    await update(target, { expiresAtMs }, AbortSignal.timeout(UPDATE_TIMEOUT_MS))
  }
}
