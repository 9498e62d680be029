import type { TerminalState } from '@cliscale/sdk'
import type { CliscaleError } from '@cliscale/sdk/errors'
import type { PhaseReport, Role, SessionExit } from '@cliscale/sdk/protocol'
import type { PasteRequest } from './paste.ts'
import type { RendererName } from './renderer.ts'
import type { Cells } from './screen-layout.ts'

/** Everything that is drawn around a terminal, and that hooks read. Immutable: a change makes a new one. */
export interface TerminalSnapshot {
  /** What the connection is doing; `idle` while there is no session yet. */
  readonly state: TerminalState
  /** Whether the shell was there at least once: then its last screen is worth keeping in sight. */
  readonly wasReady: boolean
  /** The last report of a session that is not yet running. */
  readonly phase: PhaseReport | null
  /** Set once the session ended. */
  readonly exit: SessionExit | null
  /** Why it failed, or why the connection was lost. */
  readonly error: CliscaleError | null
  /** With `reconnecting`: failed attempts so far. */
  readonly attempt: number
  /** Round trip to the session in milliseconds; `null` until it was measured. */
  readonly latencyMs: number | null
  /** The session's size in cells. */
  readonly size: Cells
  /** What the token allows; `null` until the terminal is there. */
  readonly role: Role | null
  /** Whether this terminal types and owns the size. */
  readonly driver: boolean
  /** Terminals attached to the session, this one included; 0 until known. */
  readonly clients: number
  readonly title: string
  readonly renderer: RendererName
  readonly screenReaderMode: boolean
  /** Whether the next key is taken as one with Ctrl, as the key bar has it. */
  readonly ctrlHeld: boolean
  /** Where the link under the pointer leads. */
  readonly linkTarget: string | null
  /** A paste that waits for a yes. */
  readonly pendingPaste: PasteRequest | null
  /** Text that the program wants on the clipboard, waiting for a yes. */
  readonly pendingCopy: string | null
}

/** Before anything is known. */
export const INITIAL_SNAPSHOT: TerminalSnapshot = {
  state: 'idle',
  wasReady: false,
  phase: null,
  exit: null,
  error: null,
  attempt: 0,
  latencyMs: null,
  size: { columns: 80, rows: 24 },
  role: null,
  driver: false,
  clients: 0,
  title: '',
  renderer: 'dom',
  screenReaderMode: false,
  ctrlHeld: false,
  linkTarget: null,
  pendingPaste: null,
  pendingCopy: null,
}

/** True while keys may go to the session. */
export function acceptsInput(snapshot: TerminalSnapshot, readOnly: boolean): boolean {
  const { state, role, driver } = snapshot
  if (readOnly || state === 'exited' || state === 'failed' || state === 'closed') return false
  return role === null || driver
}
