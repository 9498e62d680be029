/** A runner that has not answered for so long is taken for gone. */
export const ANSWER_TIMEOUT_MS = 2_000

/** Most bytes of a runner's log; a longer one is cut. */
export const LOG_LIMIT_BYTES = 1_048_576

/** How often logs are measured. */
export const LOG_CHECK_EVERY_MS = 60_000

/** Between two tries to remove a control group. */
export const REMOVE_GROUP_EVERY_MS = 20

/** Longest time of a trial of a sandbox. */
export const TRIAL_TIMEOUT_MS = 15_000

/** How often is looked whether ended processes are gone. */
export const ENDING_LOOK_EVERY_MS = 10

/** Longest wait for processes that were killed. */
export const KILL_DEADLINE_MS = 5_000

/** How often is looked for a runner's socket, as a fallback for file systems that tell no changes. */
export const SOCKET_LOOK_EVERY_MS = 100

/** The socket is in its folder a moment before it takes connections. */
export const KNOCK_AGAIN_MS = 1

/** Longest socket path in bytes: `sun_path` holds 104 on macOS and 108 on Linux, with a closing zero. */
export const MAX_SOCKET_PATH = 99

/** Longest id of a runner for which room is left in socket paths. */
export const LONGEST_RUNNER_ID = 40

/** The runner that compiles ahead rehearses within this time, and ends at its end. */
export const COMPILE_LIFE_MS = 2_000

/** Longest that it may take to end. */
export const COMPILE_DEADLINE_MS = 30_000
