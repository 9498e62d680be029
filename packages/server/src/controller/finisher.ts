import type { SessionExit, SessionState } from '@cliscale/sdk/protocol'
import { predecessors } from '../lifecycle/states.ts'
import type { SessionRecord } from '../store/session-row.ts'
import type { Parts } from './parts.ts'

/** How an end is written. */
export interface FinishOptions {
  /** What becomes of the runner's row in the same statement; `lingering` for a runner whose clients may read on. */
  readonly runner: 'lingering' | 'ended'
  /** The end is written only from one of these states. Default: from any that may end. */
  readonly from?: readonly SessionState[]
  /** The end is written only while the session has this runner. Default: any. */
  readonly runnerId?: string
}

/**
 * The one place where a session becomes `ended`. Many find out that one is over, some at the same moment: its runner's
 * report, the loss of the runner, whoever ends it, the reconciler. The first writes it; and who had begun to end it
 * has said why: the statement keeps that reason.
 */
export class Finisher {
  readonly #parts: Parts
  readonly #onEnded: (sessionId: string) => void

  /** @param onEnded called with each session whose end this process wrote */
  constructor(parts: Parts, onEnded: (sessionId: string) => void) {
    this.#parts = parts
    this.#onEnded = onEnded
  }

  /** Writes a session's end. Null when it was written before, or `options` forbid it. @throws {CodedError} `DATABASE_UNAVAILABLE` */
  async finish(id: string, exit: SessionExit, options: FinishOptions): Promise<SessionRecord | null> {
    const { runner, from = predecessors('ended'), runnerId } = options
    const ended = await this.#parts.store.sessions.transition({
      id,
      from,
      move: { to: 'ended', exit, runner },
      ...(runnerId === undefined ? {} : { runnerId }),
    })
    if (ended === null) return null
    this.#parts.log.info({ sessionId: id, exit: ended.info.exit }, 'session ended')
    this.#onEnded(id)
    return ended
  }
}
