/**
 * The whole contract of Cliscale: REST types, terminal messages and their codec, errors, close codes, claims, limits.
 * It imports nothing, runs anywhere and is what a client in another language would be written against.
 */
export * from './cell-width.ts'
export * from './claims.ts'
export * from './close.ts'
export * from './close-codes.ts'
export * from './codec.ts'
export * from './error-codes.ts'
export { isObject, type JsonObject, parseObject } from './json.ts'
export * from './limits.ts'
export * from './messages.ts'
export * from './phases.ts'
export * from './rest.ts'
export * from './runner.ts'
export * from './version.ts'
