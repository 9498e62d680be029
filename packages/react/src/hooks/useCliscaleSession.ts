import type { CreateSessionOptions, Session, WaitOptions } from '@cliscale/sdk'
import type { PhaseProgress, SessionState } from '@cliscale/sdk/protocol'
import { useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import { CliscaleContext } from '../context.ts'
import { INITIAL_SESSION, SessionController, type SessionSnapshot } from '../core/session-controller.ts'

/** A session as hooks see it. Give `session` to `<CliscaleTerminal>`. */
export interface SessionHandle extends SessionSnapshot {
  /** How far the present phase is, when it can be counted. */
  readonly progress: PhaseProgress | null
  /**
   * Starts a session with the options that the hook was given, those given here going before. One that the hook
   * followed before goes on without it.
   *
   * @throws {CliscaleError} as `cliscale.sessions.create`; `error` holds it too
   */
  readonly start: (options?: CreateSessionOptions) => Promise<Session>
  /** Ends the session. */
  readonly end: () => Promise<void>
  /** Waits until the session has come at least as far as `state`. */
  readonly waitUntil: (state: SessionState, options?: WaitOptions) => Promise<Session>
}

/**
 * Follows a session by its id, or starts one when `start()` is called. Unmounting stops following; it does not end the
 * session.
 *
 * @example
 * ```tsx
 * const { session, start, state } = useCliscaleSession({ template: 'shell' })
 * return session ? <CliscaleTerminal session={session} /> : <button onClick={() => start()}>Start</button>
 * ```
 */
export function useCliscaleSession(idOrOptions?: string | CreateSessionOptions | null): SessionHandle {
  const client = useContext(CliscaleContext)?.client ?? null
  const [controller] = useState(() => new SessionController())
  const options = useRef(idOrOptions)
  useEffect(() => {
    options.current = idOrOptions
  })
  const id = typeof idOrOptions === 'string' ? idOrOptions : undefined
  useEffect(() => controller.setSource(client, id), [controller, client, id])
  useEffect(() => controller.mount(), [controller])
  const snapshot = useSyncExternalStore(
    controller.store.subscribe,
    controller.store.get,
    () => INITIAL_SESSION,
  )
  return useMemo(
    () => ({
      ...snapshot,
      progress: snapshot.phase?.progress ?? null,
      start: (more) => controller.start({ ...createOptions(options.current), ...more }),
      end: () => controller.end(),
      waitUntil: (state, wait) => controller.waitUntil(state, wait),
    }),
    [snapshot, controller],
  )
}

function createOptions(idOrOptions: string | CreateSessionOptions | null | undefined): CreateSessionOptions {
  return typeof idOrOptions === 'object' && idOrOptions !== null ? idOrOptions : {}
}
