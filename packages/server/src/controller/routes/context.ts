import type { FastifyRequest } from 'fastify'
import type { AccessWatch } from '../../auth/access-watch.ts'
import type { Identity, Scope } from '../../auth/identity.ts'
import type { TokenIssuer } from '../../auth/session-tokens.ts'
import type { EventHints } from '../../store/listen.ts'
import type { Store } from '../../store/store.ts'
import type { Log } from '../../observability/log.ts'
import type { RecordingLibrary } from '../recordings/library.ts'
import type { Sessions } from '../sessions.ts'
import type { Template } from '../templates/template.ts'
import type { LongAnswer } from './long-answer.ts'

/** What the routes need. */
export interface RoutesContext {
  readonly store: Store
  readonly hints: EventHints
  /** Ends long answers whose access is over. */
  readonly accesses: AccessWatch<LongAnswer>
  readonly tokens: TokenIssuer
  readonly templates: ReadonlyMap<string, Template>
  readonly sessions: Sessions
  readonly recordings: RecordingLibrary
  /** Who calls, once it is allowed to do this. @throws {CodedError} `UNAUTHENTICATED`, `FORBIDDEN` and their kin */
  readonly identify: (request: FastifyRequest, scope: Scope) => Promise<Identity>
  /** The server's address for clients. Default: the address at which each request came. */
  readonly publicUrl: string | undefined
  readonly log: Log
}
