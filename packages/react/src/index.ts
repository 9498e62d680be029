'use client'

/**
 * A terminal for React apps.
 *
 * @packageDocumentation
 */

// Components
export {
  CliscalePlayer,
  type CliscalePlayerProps,
  type PlayerFileSource,
  type PlayerHandle,
  type PlayerLookProps,
  type PlayerSessionIdSource,
  type PlayerSessionSource,
  type PlayerSourceProps,
} from './CliscalePlayer.tsx'
export { CliscaleProvider, type CliscaleProviderProps } from './CliscaleProvider.tsx'
export { CliscaleTerminal, type CliscaleTerminalProps, type TerminalLookProps } from './CliscaleTerminal.tsx'
export { SessionProgress, type SessionProgressProps } from './SessionProgress.tsx'

// Hooks
export { type SessionHandle, useCliscaleSession } from './hooks/useCliscaleSession.ts'
export {
  type TerminalActions,
  type TerminalHandle,
  useCliscaleTerminal,
  useConnectionState,
} from './hooks/useCliscaleTerminal.ts'
export type {
  SessionIdSource,
  SessionObjectSource,
  TerminalSourceProps,
  TokenOnlySource,
} from './hooks/useTerminalTarget.ts'

// What they speak of
export type { SessionTokenSource } from './context.ts'
export type { TerminalSnapshot } from './core/terminal-snapshot.ts'
export type { RendererChoice, RendererName } from './core/renderer.ts'
export type { RecordingSource } from './core/player-source.ts'
export type { BarKey } from './core/bar-keys.ts'
export type { Cells } from './core/screen-layout.ts'
export type { KeyAnswer } from './core/keymap.ts'
export type { SkippedLines } from './core/asciicast.ts'
export type { PasteRequest } from './core/paste.ts'
export { DEFAULT_LEAVE_KEY, type KeyChord } from './core/shortcuts.ts'
export { type TerminalTheme, type ThemeName, themes } from './core/themes.ts'

// Without React
export { SessionController, type SessionSnapshot } from './core/session-controller.ts'
export {
  type ControllerEvents,
  type ControllerOptions,
  TerminalController,
} from './core/terminal-controller.ts'
export type { TerminalTarget } from './core/terminal-target.ts'
