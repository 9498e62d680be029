import type { Core } from './core.ts'

/** A server of one mode. */
export interface CliscaleServer {
  /** Opens everything and listens. On failure nothing is left open. @throws {StartError}, {KeyFileError} */
  start(): Promise<void>
  /** Where clients reach it from this machine, without a slash at the end; once started. */
  readonly url: string
  /** Where metrics and probes are; once started. */
  readonly internalUrl: string
  /** Its parts; once started. */
  readonly core: Core
  /** A link that signs a browser in to the console, once. */
  createConsoleLink(): Promise<string>
  /** Drains terminals over the configured window, then closes everything. Sessions go on. Safe to call twice. */
  close(): Promise<void>
}
