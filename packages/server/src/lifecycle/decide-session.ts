import type { EndReason, Failure, SessionExit } from '@cliscale/sdk/protocol'
import type { Action, DesiredRunner, DesiredSession, Policy } from './desired.ts'
import { age, type RunnerFate } from './runner-fate.ts'
import { mayRequeue } from './states.ts'

/** A session's runner and what became of it; null when there is none any more. */
export interface SessionRunner {
  readonly row: DesiredRunner
  readonly fate: RunnerFate
}

/** What to do with a session that has, or had, a runner, or is over. At most one action. */
export function decideSession(
  session: DesiredSession,
  runner: SessionRunner | null,
  now: Date,
  policy: Policy,
): Action | null {
  const present = runner && runner.fate.kind !== 'gone' ? runner : null
  if (session.state === 'ending') return decideEnding(session, present, now, policy)
  if (session.expiresAt <= now) return decideExpired(session, present)
  if (session.state === 'queued') return decideQueued(session, policy)
  if (!present) return decideLost(session, runner, policy)
  if (present.fate.kind === 'late') return decideLost(session, runner, policy)
  if (present.fate.kind === 'up' && present.row.state === 'claimed' && !present.row.assigned) {
    return { kind: 'assign', sessionId: session.id, runnerId: present.row.id }
  }
  return null
}

function decideEnding(
  session: DesiredSession,
  present: SessionRunner | null,
  now: Date,
  policy: Policy,
): Action | null {
  const reason = session.endReason ?? 'killed'
  // A runner that was never told what to run has nothing to end.
  if (!present?.row.assigned) return endSession(session, reason)
  const since = session.endingAt ?? session.expiresAt
  return age(since, now) >= policy.endTimeoutMs ? endSession(session, reason) : null
}

function decideExpired(session: DesiredSession, present: SessionRunner | null): Action {
  if (!present?.row.assigned) return endSession(session, 'expired')
  return { kind: 'stopSession', sessionId: session.id, runnerId: present.row.id, reason: 'expired' }
}

/** Waiting sessions get their runners where capacity is dealt out; here only those that tried too often end. */
function decideQueued(session: DesiredSession, policy: Policy): Action | null {
  return session.attempts >= policy.maxAttempts ? failed(session, startFailed(policy, null)) : null
}

function decideLost(session: DesiredSession, runner: SessionRunner | null, policy: Policy): Action {
  const told = runner?.row.assigned ?? false
  const detail = whyLost(runner)
  if (told || !mayRequeue(session.state) || session.runnerId === null) {
    return failed(session, {
      code: 'RUNNER_LOST',
      message: `The session's runner was lost: ${detail}`,
      hint: 'Start a new session.',
    })
  }
  if (session.attempts >= policy.maxAttempts) return failed(session, startFailed(policy, detail))
  return {
    kind: 'requeue',
    sessionId: session.id,
    runnerId: session.runnerId,
    message: `Trying another runner. ${detail}`,
    retryAfterMs: policy.retryAfterMs * 2 ** Math.max(session.attempts - 1, 0),
  }
}

function whyLost(runner: SessionRunner | null): string {
  if (runner === null) return 'It has ended.'
  return runner.fate.kind === 'gone' ? runner.fate.detail : 'It did not come up in time.'
}

function startFailed(policy: Policy, detail: string | null): Failure {
  return {
    code: 'START_FAILED',
    message: `No runner came up in ${policy.maxAttempts} tries.${detail === null ? '' : ` ${detail}`}`,
    hint: "The server's log says why; try again later.",
  }
}

function failed(session: DesiredSession, failure: Failure): Action {
  const exit: SessionExit = { code: null, signal: null, reason: 'failed', failure }
  return { kind: 'endSession', sessionId: session.id, exit }
}

function endSession(session: DesiredSession, reason: EndReason): Action {
  return { kind: 'endSession', sessionId: session.id, exit: { code: null, signal: null, reason } }
}
