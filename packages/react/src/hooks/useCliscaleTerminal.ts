import { useContext, useMemo, useSyncExternalStore } from 'react'
import { CliscaleContext, TerminalContext } from '../context.ts'
import type { Cells } from '../core/screen-layout.ts'
import type { TerminalController } from '../core/terminal-controller.ts'
import { INITIAL_SNAPSHOT, type TerminalSnapshot } from '../core/terminal-snapshot.ts'

/** What can be done with a terminal. Each call does nothing while there is none. */
export interface TerminalActions {
  /** Types into the session. Resolves when the input is accepted. */
  readonly write: (data: string | Uint8Array) => Promise<void>
  /** Types as a paste would: control characters are taken out, and large or many-line pastes may be asked about. */
  readonly paste: (text: string) => void
  /** Fixes the size in cells; without one the terminal fits its container again. */
  readonly resize: (size?: Cells) => void
  /** Clears the screen and its scrollback; the program does not know. */
  readonly clear: () => void
  readonly focus: () => void
  /** The buffer, scrollback included, as text. */
  readonly text: () => string
  /** Asks to become the one that types and owns the size. */
  readonly takeControl: () => void
  /** Connects again after it failed. */
  readonly reconnect: () => void
  readonly setScreenReaderMode: (on: boolean) => void
}

/** A terminal as hooks see it. */
export interface TerminalHandle extends TerminalSnapshot, TerminalActions {}

/**
 * The terminal that this component is drawn in (`children` and `renderOverlay` of `<CliscaleTerminal>`), or else the one
 * that was mounted last below the nearest `<CliscaleProvider>`. Renders again when anything about it changes.
 */
export function useCliscaleTerminal(): TerminalHandle {
  const controller = useCurrentController()
  const snapshot = useSnapshot(controller)
  const actions = useMemo(() => actionsOf(controller), [controller])
  return useMemo(() => ({ ...snapshot, ...actions }), [snapshot, actions])
}

/** The state of the connection of the same terminal as {@link useCliscaleTerminal}'s. */
export function useConnectionState(): TerminalSnapshot['state'] {
  return useSnapshot(useCurrentController()).state
}

/** A controller's snapshot; the initial one while there is no controller. */
export function useSnapshot(controller: TerminalController | null): TerminalSnapshot {
  return useSyncExternalStore(
    controller?.store.subscribe ?? subscribeToNothing,
    controller?.store.get ?? initialSnapshot,
    initialSnapshot,
  )
}

function useCurrentController(): TerminalController | null {
  const own = useContext(TerminalContext)
  const registry = useContext(CliscaleContext)?.registry
  const current = useSyncExternalStore(
    registry?.store.subscribe ?? subscribeToNothing,
    () => registry?.store.get().current ?? null,
    () => null,
  )
  return own ?? current
}

/** The actions of a controller. */
export function actionsOf(controller: TerminalController | null): TerminalActions {
  return {
    write: async (data) => {
      await controller?.write(data)
    },
    paste: (text) => controller?.paste(text),
    resize: (size) => controller?.resize(size),
    clear: () => controller?.clear(),
    focus: () => controller?.focus(),
    text: () => controller?.text() ?? '',
    takeControl: () => controller?.takeControl(),
    reconnect: () => controller?.reconnect(),
    setScreenReaderMode: (on) => controller?.setScreenReaderMode(on),
  }
}

const initialSnapshot = (): TerminalSnapshot => INITIAL_SNAPSHOT
const subscribeToNothing = (): (() => void) => () => undefined
