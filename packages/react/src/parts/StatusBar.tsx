import type { TerminalState } from '@cliscale/sdk'
import { type JSX, type RefObject, useId } from 'react'
import type { TerminalSnapshot } from '../core/terminal-snapshot.ts'

const STATE_TEXT: Readonly<Record<TerminalState, string>> = {
  idle: 'Waiting for a session',
  connecting: 'Connecting',
  provisioning: 'Starting',
  connected: 'Connected',
  unstable: 'Connection unstable',
  reconnecting: 'Reconnecting',
  resuming: 'Catching up',
  exited: 'Ended',
  failed: 'Failed',
  closed: 'Closed',
}

/** What the switch does, in one sentence. */
const ABOUT_READER = 'When on, screen readers can read the terminal and are told what it prints.'

interface StatusBarProps {
  readonly snapshot: TerminalSnapshot
  readonly readOnly: boolean
  readonly recorded: boolean
  /** Hidden bars still show up for those who come by keyboard. */
  readonly hidden: boolean
  /** The first control after the terminal: where the leave key goes. */
  readonly exitRef: RefObject<HTMLButtonElement | null>
  readonly onTakeControl: () => void
  readonly onScreenReaderMode: (on: boolean) => void
}

/** State, size and the controls that belong to the terminal and not to its program. */
export function StatusBar(props: StatusBarProps): JSX.Element {
  const { snapshot, hidden, exitRef, readOnly, recorded } = props
  const { state, size, latencyMs, role, driver, clients, screenReaderMode } = snapshot
  const live = state === 'connected' || state === 'unstable'
  const aboutId = useId()
  const watching = live && role !== null && (!driver || readOnly)
  return (
    <div
      className="cliscale-status"
      data-hidden={hidden ? '' : undefined}
      role="group"
      aria-label="Terminal status"
    >
      <span>
        <span className="cliscale-dot" data-state={state} aria-hidden="true" />
        <span data-field="state">{STATE_TEXT[state]}</span>
      </span>
      {recorded && snapshot.exit === null && (
        <span className="cliscale-badge" data-field="recording" title="This session is recorded">
          <span className="cliscale-dot" data-state="failed" aria-hidden="true" />
          REC<span className="cliscale-visually-hidden">: this session is recorded</span>
        </span>
      )}
      {watching && (
        <span className="cliscale-badge" data-field="watching">
          {role === 'observer' || readOnly ? 'Watching' : 'Another window types'}
        </span>
      )}
      {watching && role === 'driver' && !readOnly && (
        <button type="button" className="cliscale-button" data-primary="" onClick={props.onTakeControl}>
          Take control
        </button>
      )}
      {live && clients > 1 && <span className="cliscale-optional">{clients} connected</span>}
      {live && latencyMs !== null && (
        <span className="cliscale-optional" title="Round trip to the session" data-field="latency">
          {latencyMs} ms
        </span>
      )}
      {live && (
        <span className="cliscale-optional" data-field="size">
          {size.columns}×{size.rows}
        </span>
      )}
      <button
        ref={exitRef}
        type="button"
        className="cliscale-button cliscale-switch"
        role="switch"
        aria-checked={screenReaderMode}
        aria-describedby={aboutId}
        title={ABOUT_READER}
        onClick={() => props.onScreenReaderMode(!screenReaderMode)}
      >
        <span className="cliscale-switch-track" aria-hidden="true" />
        Screen reader
      </button>
      <span id={aboutId} hidden>
        {ABOUT_READER}
      </span>
    </div>
  )
}
