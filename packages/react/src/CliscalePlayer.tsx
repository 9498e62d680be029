import type { Session } from '@cliscale/sdk'
import type { CliscaleError } from '@cliscale/sdk/errors'
import type { ITheme } from '@xterm/xterm'
import {
  type CSSProperties,
  type JSX,
  type ReactNode,
  type Ref,
  useContext,
  useEffect,
  useId,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { CliscaleContext } from './context.ts'
import type { SkippedLines } from './core/asciicast.ts'
import { PlayerController, type PlayerSnapshot } from './core/player-controller.ts'
import { type PlayerSource, type RecordingSource, recordingSource, sourceOf } from './core/player-source.ts'
import { DEFAULT_FONT, type TerminalTheme } from './core/themes.ts'
import { themeVariables, useThemeColours } from './hooks/useTheme.ts'
import { FailureCard } from './parts/Endings.tsx'

/** A session of the SDK whose recording is played; `null` or `undefined` while there is none yet. */
export interface PlayerSessionSource {
  readonly session: Session | null | undefined
  readonly sessionId?: never
  readonly src?: never
}

/** A session's id: its recording is read by the provider's client. */
export interface PlayerSessionIdSource {
  readonly sessionId: string | null | undefined
  readonly session?: never
  readonly src?: never
}

/** An asciicast from anywhere: its address, its text, a file, or a recording of the SDK, which can be read once. */
export interface PlayerFileSource {
  readonly src: RecordingSource | null | undefined
  readonly session?: never
  readonly sessionId?: never
}

/** Where a player's recording comes from. */
export type PlayerSourceProps = PlayerSessionSource | PlayerSessionIdSource | PlayerFileSource

/** What can be done with a player. Each call does nothing while it loads. */
export interface PlayerHandle {
  readonly play: () => Promise<void>
  readonly pause: () => Promise<void>
  /** Goes to a time in seconds. */
  readonly seek: (seconds: number) => Promise<void>
  /** Seconds from the beginning. */
  readonly currentTime: () => number
  /** Length in seconds, with pauses cut down; `null` until it is known. */
  readonly duration: () => number | null
}

/** Props of {@link CliscalePlayer} that are not about where the recording comes from. */
export interface PlayerLookProps {
  /** Plays at once; without it the last screen is shown until somebody plays. Default false. */
  readonly autoPlay?: boolean
  /** 2 = twice as fast. Default 1. */
  readonly speed?: number
  /** Pauses are cut down to this many seconds. Default 2; `Infinity` keeps them. */
  readonly idleTimeLimit?: number
  /** Default `auto`: dark, or light where the system prefers it. */
  readonly theme?: TerminalTheme
  /** What of the container is filled. `none`: the text keeps its size. Default `both`. */
  readonly fit?: 'both' | 'width' | 'height' | 'none'
  /** CSS font list. Default: the system's monospaced fonts. */
  readonly fontFamily?: string
  /** Name of the player for screen readers. Default `Recording`. */
  readonly label?: string
  /** Shown instead of the note that nothing was printed. */
  readonly empty?: ReactNode
  readonly onPlay?: () => void
  readonly onPause?: () => void
  readonly onEnded?: () => void
  readonly onError?: (error: CliscaleError) => void
  /** Told once per recording, before it plays, of lines that were left out because they could not be understood. */
  readonly onSkipped?: (skipped: SkippedLines) => void
  readonly handleRef?: Ref<PlayerHandle>
  readonly className?: string
  readonly style?: CSSProperties
}

/** Props of {@link CliscalePlayer}. */
export type CliscalePlayerProps = PlayerSourceProps & PlayerLookProps

/**
 * Plays a session's recording, or any asciicast of version 2 or 3 of up to 68 MB. It fills its container, which needs a
 * height. asciinema-player, which draws it, is loaded with the first player of a page; a Content-Security-Policy must
 * allow it `'wasm-unsafe-eval'` and nothing more.
 */
export function CliscalePlayer(props: CliscalePlayerProps): JSX.Element {
  const container = useRef<HTMLDivElement>(null)
  const colours = useThemeColours(props.theme ?? 'auto')
  const controller = usePlayerController(props, usePlayerSource(props), container, colours)
  const snapshot = useSyncExternalStore(controller.store.subscribe, controller.store.get, initialSnapshot)
  const hintId = useId()
  useImperativeHandle(props.handleRef, () => handleOf(controller), [controller])
  return (
    <div
      className={['cliscale', 'cliscale-player', props.className].filter(Boolean).join(' ')}
      style={{ ...themeVariables(colours), ...ansiVariables(colours), ...props.style }}
      role="region"
      aria-label={props.label ?? 'Recording'}
      aria-describedby={hintId}
      aria-busy={snapshot.state === 'loading'}
      data-state={snapshot.state}
    >
      <p id={hintId} className="cliscale-visually-hidden">
        Space plays and pauses. The arrow keys go back and forward, 0 to 9 to a tenth of the recording.
      </p>
      <div className="cliscale-stage">
        <div className="cliscale-player-stage" ref={container} />
        <PlayerVeil snapshot={snapshot} empty={props.empty} onRetry={() => controller.retry()} />
      </div>
    </div>
  )
}

interface PlayerVeilProps {
  readonly snapshot: PlayerSnapshot
  readonly empty: ReactNode
  readonly onRetry: () => void
}

function PlayerVeil({ snapshot, empty, onRetry }: PlayerVeilProps): JSX.Element | null {
  const { state, error } = snapshot
  if (state === 'ready') return null
  return (
    <div className="cliscale-veil" data-veil={state}>
      {(state === 'idle' || state === 'loading') && (
        <div className="cliscale-player-loading" role="status">
          <span className="cliscale-notice-mark" aria-hidden="true" />
          {state === 'idle' ? 'Waiting for a recording' : 'Loading the recording'}
        </div>
      )}
      {state === 'empty' && (empty ?? <p role="status">Nothing was printed while this was recorded.</p>)}
      {state === 'failed' && error !== null && (
        <FailureCard
          title="The recording cannot be played"
          code={error.code}
          message={error.message}
          hint={error.hint}
          requestId={error.requestId}
          {...(error.retryable ? { onAction: onRetry } : {})}
        />
      )}
    </div>
  )
}

function usePlayerSource({ session, sessionId, src }: PlayerSourceProps): PlayerSource | undefined {
  const client = useContext(CliscaleContext)?.client ?? null
  return useMemo(() => {
    if (src !== undefined && src !== null) return sourceOf(src)
    if (session !== undefined && session !== null) {
      return recordingSource(['session', session], (signal) => session.recording({ signal }))
    }
    if (sessionId === undefined || sessionId === null || client === null) return undefined
    return recordingSource(['id', client, sessionId], (signal) =>
      client.sessions.recording(sessionId, { signal }),
    )
  }, [src, session, sessionId, client])
}

function usePlayerController(
  props: PlayerLookProps,
  source: PlayerSource | undefined,
  container: { readonly current: HTMLElement | null },
  colours: ITheme,
): PlayerController {
  const { autoPlay = false, speed = 1, idleTimeLimit = 2, fit = 'both', fontFamily = DEFAULT_FONT } = props
  const limit = Number.isFinite(idleTimeLimit) ? idleTimeLimit : undefined
  const look = { autoPlay, speed, idleTimeLimit: limit, fit, fontFamily }
  const [controller] = useState(() => new PlayerController(look))
  const latest = useRef(source)
  useEffect(() => {
    const { onPlay, onPause, onEnded, onError, onSkipped } = props
    controller.setEvents({ onPlay, onPause, onEnded, onError, onSkipped })
    controller.setLook(look, colours)
    latest.current = source
    controller.setSource(source)
  })
  useEffect(() => {
    if (container.current !== null) controller.mount(container.current)
    // Its second mount in StrictMode comes without a new render, and so without the effect above.
    controller.setSource(latest.current)
    return () => controller.unmount()
  }, [controller, container])
  return controller
}

function handleOf(controller: PlayerController): PlayerHandle {
  return {
    play: () => controller.play(),
    pause: () => controller.pause(),
    seek: (seconds) => controller.seek(seconds),
    currentTime: () => controller.currentTime,
    duration: () => controller.duration,
  }
}

const ANSI = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const
const BRIGHT = [
  'brightBlack',
  'brightRed',
  'brightGreen',
  'brightYellow',
  'brightBlue',
  'brightMagenta',
  'brightCyan',
  'brightWhite',
] as const

/** The sixteen colours, where the style sheet gives them to the player. */
function ansiVariables(colours: ITheme): CSSProperties {
  const named = [...ANSI, ...BRIGHT].map(
    (name, index) => [`--cliscale-ansi-${index}`, colours[name]] as const,
  )
  return Object.fromEntries(named.filter(([, value]) => value !== undefined))
}

const INITIAL: PlayerSnapshot = { state: 'idle', error: null }

function initialSnapshot(): PlayerSnapshot {
  return INITIAL
}
