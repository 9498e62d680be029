/**
 * Cliscale's server for programs: the plugin for a Fastify app of your own, and the server that the command runs.
 *
 * @packageDocumentation
 */
export type { Identity, IdentityRequest, IdentityVerifier, Scope } from './auth/identity.ts'
export { type Config, ConfigError } from './config/config.ts'
export { parseConfig } from './config/parse.ts'
export type { Client } from './http/client.ts'
export { CodedError, type CodedErrorOptions } from './http/coded-error.ts'
export { createLog, type Log, type LogOptions } from './observability/log.ts'
export type { Metrics } from './observability/metrics.ts'
export { type CliscaleServer, createServer } from './server.ts'
export { StartError } from './server/data-folder.ts'
export { cliscale, type CliscaleHandle, type CliscaleOptions } from './server/plugin.ts'
