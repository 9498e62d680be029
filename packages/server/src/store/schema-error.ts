/** Why the server cannot use the database as it is. The message is one sentence for the operator that says what to do. */
export class SchemaError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'SchemaError'
  }
}
