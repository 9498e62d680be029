import { randomBytes } from 'node:crypto'

/** Id of a new session: 128 random bits. */
export function newSessionId(): string {
  return `ses_${randomBytes(16).toString('base64url')}`
}

/** Id of a new runner: 128 random bits. */
export function newRunnerId(): string {
  return `run_${randomBytes(16).toString('base64url')}`
}
