/** A program with its arguments. */
export interface Launch {
  /** Absolute path. */
  readonly file: string
  readonly args: readonly string[]
}
