/** A program with its arguments. */
export interface Launch {
  /** Absolute path. */
  readonly file: string
  readonly args: readonly string[]
}

/** A command as it is started: what runs, with what, and where. */
export interface PlacedCommand {
  readonly launch: Launch
  /** Its whole environment. Names are those that a shell can have (POSIX.1-2024, 3.216). */
  readonly env: Readonly<Record<string, string>>
  /** Absolute path, as the command sees it. */
  readonly cwd: string
}
