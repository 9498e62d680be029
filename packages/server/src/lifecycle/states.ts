import { isPhase, SESSION_STATES, type SessionState } from '@cliscale/sdk/protocol'

/**
 * The legal transitions of a session. The database enforces them: every change is one
 * `UPDATE … WHERE state = ANY (predecessors)`, so a late or repeated report changes nothing.
 *
 * | state       | entry                                              | exit                                            |
 * | ----------- | -------------------------------------------------- | ----------------------------------------------- |
 * | `queued`    | created without a blank runner, or its runner did  | a blank runner is claimed, or one is asked for  |
 * |             | not come up before it took the assignment          |                                                 |
 * | `scheduled` | a runner was claimed or asked for                  | the driver reports progress, or the runner is up|
 * | `pulling`   | the driver fetches the runner's image              | the runner is up                                |
 * | `assigning` | the runner is up and is told what to run           | it accepts, or does not answer in time          |
 * | `fetching`  | the runner downloads the bundle                    | every byte is there                             |
 * | `verifying` | the runner checks the digest and unpacks           | the command is about to start                   |
 * | `starting`  | the runner starts the command                      | it runs, or cannot be started                   |
 * | `running`   | the command runs in its PTY                        | it exits, is stopped, or its runner is lost     |
 * | `ending`    | somebody or a limit ends it; the command is told   | the exit is known, or the runner is gone        |
 * | `ended`     | the exit is known                                  | none                                            |
 */
const TRANSITIONS: Readonly<Record<SessionState, readonly SessionState[]>> = {
  queued: ['scheduled', 'ending', 'ended'],
  scheduled: [...forwardFrom('scheduled'), 'queued'],
  pulling: [...forwardFrom('pulling'), 'queued'],
  assigning: [...forwardFrom('assigning'), 'queued'],
  fetching: forwardFrom('fetching'),
  verifying: forwardFrom('verifying'),
  starting: forwardFrom('starting'),
  running: ['ending', 'ended'],
  ending: ['ended'],
  ended: [],
}

/** A session that has a runner may skip any state on its way. */
function forwardFrom(state: SessionState): readonly SessionState[] {
  return SESSION_STATES.slice(SESSION_STATES.indexOf(state) + 1)
}

/** True when a session may go from one state straight to the other. */
export function canMove(from: SessionState, to: SessionState): boolean {
  return TRANSITIONS[from].includes(to)
}

/** The states from which a session may go straight to `to`: the guard of its UPDATE. */
export function predecessors(to: SessionState): readonly SessionState[] {
  return SESSION_STATES.filter((from) => canMove(from, to))
}

/** True in the states in which a session still waits for its runner and may be given another one. */
export function mayRequeue(state: SessionState): boolean {
  return isPhase(state) && canMove(state, 'queued')
}
