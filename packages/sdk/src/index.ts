/**
 * Start terminal sessions and talk to them, from the browser and from Node 20 on.
 *
 * @packageDocumentation
 */
export { Cliscale } from './client.ts'
export * from './errors.ts'
export type {
  SessionEvents,
  TerminalEvents,
  TerminalReady,
  TerminalSizeChange,
  TerminalState,
  TerminalStateDetail,
} from './events.ts'
export type {
  CallOptions,
  CliscaleOptions,
  CreateSessionOptions,
  CreateTokenOptions,
  EventsOptions,
  ListSessionsOptions,
  UpdateSessionOptions,
  WaitOptions,
} from './options.ts'
export type {
  BundleSpec,
  CreateSessionRequest,
  EndReason,
  ErrorCode,
  Failure,
  Isolation,
  Phase,
  PhaseProgress,
  PhaseReport,
  RecordingInfo,
  RecordingMode,
  RecordingState,
  Role,
  SessionEvent,
  SessionExit,
  SessionInfo,
  SessionState,
  TemplateInfo,
  TerminalAccess,
} from './protocol/index.ts'
export type { Recording } from './recording.ts'
export {
  defaultReconnectPolicy,
  neverReconnect,
  type ReconnectContext,
  type ReconnectOptions,
  type ReconnectPolicy,
} from './reconnect-policy.ts'
export { type ConnectOptions, Session } from './session.ts'
export { SessionList } from './session-list.ts'
export { Sessions } from './sessions.ts'
export { Templates } from './templates.ts'
export { connectTerminal, Terminal } from './terminal.ts'
export type { CollectOptions } from './terminal/collect.ts'
export type { HeartbeatTiming } from './terminal/heartbeat.ts'
export type { OutputInfo, OutputReset, TerminalSink } from './terminal/output-hub.ts'
export type { TerminalSize } from './terminal/resizer.ts'
export type { TerminalOptions } from './terminal-options.ts'
export {
  type TerminalToken,
  type TokenEndpointOptions,
  type TokenRequest,
  TokenSource,
} from './token-source.ts'
