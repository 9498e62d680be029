import type { Session, TerminalState } from '@cliscale/sdk'
import type { CliscaleError } from '@cliscale/sdk/errors'
import type { PhaseReport, SessionExit } from '@cliscale/sdk/protocol'
import { type CSSProperties, type JSX, type ReactNode, useContext, useId, useRef } from 'react'
import { CliscaleContext, TerminalContext } from './context.ts'
import type { ControllerOptions, TerminalController } from './core/terminal-controller.ts'
import type { KeyAnswer } from './core/keymap.ts'
import type { RendererChoice } from './core/renderer.ts'
import { chordText, DEFAULT_LEAVE_KEY, type KeyChord } from './core/shortcuts.ts'
import { acceptsInput } from './core/terminal-snapshot.ts'
import { DEFAULT_FONT, type TerminalTheme } from './core/themes.ts'
import { actionsOf, type TerminalHandle, useSnapshot } from './hooks/useCliscaleTerminal.ts'
import { type TerminalSourceProps, useSourceProblem, useTerminalTarget } from './hooks/useTerminalTarget.ts'
import { themeVariables, useThemeColours } from './hooks/useTheme.ts'
import { useTerminalController } from './hooks/useTerminalController.ts'
import { EndedBar } from './parts/Endings.tsx'
import { KeyBar } from './parts/KeyBar.tsx'
import { StatusBar } from './parts/StatusBar.tsx'
import { TerminalOverlay } from './parts/TerminalOverlay.tsx'

/** Props of {@link CliscaleTerminal} that are not about where the session comes from. */
export interface TerminalLookProps {
  /** Shows without taking keys or pastes. A convenience for the eye: what enforces it is the token's role. Default false. */
  readonly readOnly?: boolean
  /** Focuses the terminal when it appears. Default false. */
  readonly autoFocus?: boolean
  /** Default `auto`: dark, or light where the system prefers it. */
  readonly theme?: TerminalTheme
  /** Pixels. Default 14. */
  readonly fontSize?: number
  /** CSS font list. Default: the system's monospaced fonts. */
  readonly fontFamily?: string
  /** Lines above the viewport. Default 1,000. */
  readonly scrollback?: number
  /** Default true. */
  readonly cursorBlink?: boolean
  /** Mirrors the text for screen readers from the start; the status line has a switch for it. Default false. */
  readonly screenReaderMode?: boolean
  /** Default `auto`: WebGL where a graphics processor draws it, else the DOM. `webgl`: also where the main processor must. */
  readonly renderer?: RendererChoice
  /** Leaves the terminal for the control after it, since Tab goes to the program. Default Ctrl+Shift+F6. */
  readonly leaveKey?: KeyChord
  /** Asks before many lines (where the program cannot tell pasting from typing) or more than 5,000 characters are pasted. Default true. */
  readonly confirmPaste?: boolean
  /** Shows the line with state, size and controls. Without it they appear only on keyboard focus. Default true. */
  readonly statusBar?: boolean
  /** Shows a bar with Esc, Tab, Ctrl and the arrow keys where the first pointer is a finger. Default true. */
  readonly keyBar?: boolean
  /** Marks the session as recorded. Default: what `session` says; a page that knows only its id or a token says it here. */
  readonly recorded?: boolean
  /** Why there is no session: shown in the terminal's place, as `useCliscaleSession` has it. */
  readonly error?: CliscaleError | null
  /** Heading while the session starts. Default `Starting your session`. */
  readonly progressTitle?: string
  /** Name of the terminal for screen readers. Default `Terminal`. */
  readonly label?: string
  /** Offers to start again when the session ended or did not start. */
  readonly onRestart?: () => void
  readonly onStateChange?: (state: TerminalState) => void
  readonly onPhase?: (phase: PhaseReport) => void
  readonly onExit?: (exit: SessionExit) => void
  /** Told of what failed, and, until the first connection, of what it tries again (`retryable`), each reason once. */
  readonly onError?: (error: CliscaleError) => void
  readonly onTitleChange?: (title: string) => void
  /**
   * Told of each key before the program: answer with a text to send instead, `false` to keep the key from the program, or
   * nothing. The key that leaves the terminal cannot be taken.
   */
  readonly onKey?: (event: KeyboardEvent) => KeyAnswer
  /** Draws over the screen. It gets what would be drawn without it and may show that, something else, or both. */
  readonly renderOverlay?: (terminal: TerminalHandle, overlay: ReactNode) => ReactNode
  readonly className?: string
  readonly style?: CSSProperties
  /** Drawn below the terminal; `useCliscaleTerminal` in it means this terminal. */
  readonly children?: ReactNode
}

/** Props of {@link CliscaleTerminal}. */
export type CliscaleTerminalProps = TerminalSourceProps & TerminalLookProps

/**
 * A session's terminal. While there is no session yet, or the session still starts, it shows how far the start is; when
 * the connection is lost it keeps the screen and comes back by itself; when the session ends it says how.
 *
 * It fills its container, which needs a height.
 */
export function CliscaleTerminal(props: CliscaleTerminalProps): JSX.Element {
  const container = useRef<HTMLDivElement>(null)
  const exitRef = useRef<HTMLButtonElement>(null)
  const colours = useThemeColours(props.theme ?? 'auto')
  const leaveKey = props.leaveKey ?? DEFAULT_LEAVE_KEY
  const sourceProblem = useSourceProblem(props)
  const controller = useTerminalController({
    container,
    target: useTerminalTarget(props),
    problem: props.error ?? sourceProblem,
    options: { ...optionsOf(props), theme: colours, leaveKey },
    events: { ...eventsOf(props), onLeave: () => exitRef.current?.focus() },
    registry: useContext(CliscaleContext)?.registry,
  })
  const snapshot = useSnapshot(controller)
  const hintId = useId()
  const following = snapshot.role !== null && !snapshot.driver
  return (
    <TerminalContext.Provider value={controller}>
      <div
        className={['cliscale', props.className].filter(Boolean).join(' ')}
        style={{ ...themeVariables(colours), ...props.style }}
        role="region"
        aria-label={props.label ?? 'Terminal'}
        aria-describedby={hintId}
        data-state={snapshot.state}
        data-renderer={snapshot.renderer}
        data-follow={following ? '' : undefined}
        data-read-only={props.readOnly ? '' : undefined}
      >
        <p id={hintId} className="cliscale-visually-hidden">
          {`Keys go to the program. Press ${chordText(leaveKey)} to leave the terminal.`}
        </p>
        <div className="cliscale-stage">
          <div className="cliscale-screen" ref={container} />
          <Overlay props={props} controller={controller} />
        </div>
        {snapshot.exit !== null && (snapshot.wasReady || snapshot.exit.failure === undefined) && (
          <EndedBar exit={snapshot.exit} onRestart={props.onRestart} />
        )}
        {props.children}
        {props.keyBar !== false && snapshot.driver && acceptsInput(snapshot, props.readOnly ?? false) && (
          <KeyBar
            ctrlHeld={snapshot.ctrlHeld}
            onKey={(key) => controller.pressKey(key)}
            onCtrl={(held) => controller.holdCtrl(held)}
          />
        )}
        <StatusBar
          snapshot={snapshot}
          readOnly={props.readOnly ?? false}
          recorded={props.recorded ?? isRecorded(props.session)}
          hidden={props.statusBar === false}
          exitRef={exitRef}
          onTakeControl={() => controller.takeControl()}
          onScreenReaderMode={(on) => controller.setScreenReaderMode(on)}
        />
      </div>
    </TerminalContext.Provider>
  )
}

function isRecorded(session: Session | null | undefined): boolean {
  // Servers before 0.2 say nothing of recordings.
  return (session?.info.recording ?? null) !== null
}

interface OverlayProps {
  readonly props: CliscaleTerminalProps
  readonly controller: TerminalController
}

function Overlay({ props, controller }: OverlayProps): ReactNode {
  const snapshot = useSnapshot(controller)
  const overlay = (
    <TerminalOverlay
      snapshot={snapshot}
      controller={controller}
      progressTitle={props.progressTitle}
      onRestart={props.onRestart}
    />
  )
  return props.renderOverlay === undefined
    ? overlay
    : props.renderOverlay({ ...snapshot, ...actionsOf(controller) }, overlay)
}

function optionsOf(props: TerminalLookProps): Omit<ControllerOptions, 'theme' | 'leaveKey'> {
  return {
    readOnly: props.readOnly ?? false,
    autoFocus: props.autoFocus ?? false,
    confirmPaste: props.confirmPaste ?? true,
    fontSize: props.fontSize ?? 14,
    fontFamily: props.fontFamily ?? DEFAULT_FONT,
    scrollback: props.scrollback ?? 1_000,
    cursorBlink: props.cursorBlink ?? true,
    screenReaderMode: props.screenReaderMode ?? false,
    renderer: props.renderer ?? 'auto',
  }
}

function eventsOf(props: TerminalLookProps): Parameters<TerminalController['setEvents']>[0] {
  const { onStateChange, onPhase, onExit, onError, onTitleChange, onKey } = props
  return { onStateChange, onPhase, onExit, onError, onTitleChange, onKey }
}
