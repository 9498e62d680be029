import {
  isPhase,
  SESSION_STATES,
  type SessionEvent,
  type SessionInfo,
  type SessionState,
} from './protocol/index.ts'

/**
 * What a session looks like after an event. The stream begins with the session's whole history, so an event may be
 * older than what is known: a session never leaves `running`, `ending` or `ended` backwards.
 */
export function applyEvent(info: SessionInfo, event: SessionEvent): SessionInfo {
  if (event.type === 'updated') return { ...info, expiresAt: event.expiresAt }
  if (isBehind(event.state, info.state)) return info
  const { state } = event
  switch (event.type) {
    case 'created':
      return { ...info, state }
    case 'phase':
      return { ...info, state, phase: event.phase }
    case 'running':
      return {
        ...info,
        state,
        phase: null,
        startedAt: info.startedAt ?? event.at,
        isolation: event.isolation ?? info.isolation,
        limits: event.limits ?? info.limits,
      }
    case 'ending':
      return { ...info, state, phase: null }
    case 'ended': {
      const { exit } = event
      const failure = exit.failure ?? null
      return { ...info, state, phase: null, endedAt: event.at, endReason: exit.reason, exit, failure }
    }
  }
}

/** True when a session in `state` has come at least as far as `target`; `ended` is as far as it gets. */
export function hasReached(state: SessionState, target: SessionState): boolean {
  return SESSION_STATES.indexOf(state) >= SESSION_STATES.indexOf(target)
}

function isBehind(state: SessionState, known: SessionState): boolean {
  return !isPhase(known) && !hasReached(state, known)
}
