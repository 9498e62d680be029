/** Why the embedded PostgreSQL cannot start or run. The message is one sentence for the operator that says what to do. */
export class EmbeddedPostgresError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'EmbeddedPostgresError'
  }
}
