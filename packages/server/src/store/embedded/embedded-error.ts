/** Why the embedded PostgreSQL cannot start or run. The message is one sentence for the operator that says what to do. */
export class EmbeddedPostgresError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'EmbeddedPostgresError'
  }
}

/** The sentence for a program that the system does not run. */
export function cannotRun(program: string, error: Error): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `The embedded PostgreSQL cannot be run on this system (${program}: ${error.message}); set DATABASE_URL to a ` +
      `PostgreSQL server of your own.`,
    error,
  )
}

/** The last line that is not empty. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? ''
}
