/**
 * Every bound of the contract in one place. Bytes are bytes, times carry their unit in the name.
 * A breach is always a coded error (`error-codes.ts`), never a silent cut.
 */

/** Narrowest and widest terminal, in character cells. Sizes outside are clamped by the runner. */
export const COLUMNS = { min: 1, max: 1000, default: 80 } as const

/** Lowest and highest terminal, in rows. Sizes outside are clamped by the runner. */
export const ROWS = { min: 1, max: 500, default: 24 } as const

/** Largest WebSocket payload that a client may send, opcode byte included. Larger: `FRAME_TOO_LARGE`, close 1009. */
export const MAX_CLIENT_FRAME_BYTES = 65_536

/** Largest WebSocket payload that a runner sends, opcode byte included. */
export const MAX_SERVER_FRAME_BYTES = 65_537

/** Default size of a runner's ring of last output bytes: the longest gap that resumes byte for byte. */
export const DEFAULT_RING_BYTES = 1_048_576

/** Default number of lines that a runner's headless screen keeps above the viewport. */
export const DEFAULT_SCROLLBACK_LINES = 1_000

/** Credit window: the runner stops reading the PTY when this many output bytes are sent but not yet parsed by the driver. */
export const CREDIT_WINDOW_BYTES = 262_144

/** A client reports parsed output at the latest after this many bytes; at most a quarter of the window, so credit cannot deadlock. */
export const CREDIT_EVERY_BYTES = 32_768

/** A client reports parsed output of at least {@link CREDIT_LEAST_BYTES} at the latest after this many milliseconds. */
export const CREDIT_EVERY_MS = 50

/** Less parsed output than this hurries nobody: the window is far from full. */
export const CREDIT_LEAST_BYTES = 4_096

/** A client reports any parsed output at the latest after this many milliseconds, so that echoed keys cost no message each. */
export const CREDIT_AT_REST_MS = 1_000

/** Input bytes that a client keeps until the runner acknowledged them. Beyond it `write()` waits. */
export const MAX_UNACKED_INPUT_BYTES = 65_536

/** The runner acknowledges input at the latest after this many bytes … */
export const INPUT_ACK_EVERY_BYTES = 8_192

/** … or after this many milliseconds. */
export const INPUT_ACK_EVERY_MS = 50

/** Longest payload of a heartbeat probe (`H`), in bytes. */
export const MAX_HEARTBEAT_BYTES = 32

/** Longest window title that is passed on, in UTF-16 code units. */
export const MAX_TITLE_LENGTH = 512

/** Life of a session token, in seconds. */
export const TOKEN_TTL_SECONDS = { min: 5, max: 600, default: 60 } as const

/** Life of a session, in seconds, counted from its creation. Templates may set less. */
export const LIFETIME_SECONDS = { min: 5, max: 86_400, default: 3_600 } as const

/** Time without a byte in either direction after which a session ends, in seconds. `0` turns it off. */
export const IDLE_TIMEOUT_SECONDS = { min: 0, max: 86_400, default: 1_800 } as const

/** Largest REST request body. Larger: `BODY_TOO_LARGE`. */
export const MAX_BODY_BYTES = 262_144

/** Largest total of request headers, on REST and on WebSocket upgrades. Larger: HTTP 431, `HEADERS_TOO_LARGE`. */
export const MAX_HEADER_BYTES = 16_384

/** Most metadata entries of a session, and the longest key and value, in UTF-16 code units. */
export const METADATA = { maxEntries: 32, maxKeyLength: 64, maxValueLength: 512 } as const

/** Most environment variables and secrets of a session together, and their total size in bytes. */
export const ENV = { maxEntries: 256, maxTotalBytes: 131_072 } as const

/** Most command-line arguments, and the longest one in UTF-16 code units. */
export const ARGS = { maxEntries: 256, maxLength: 32_768 } as const

/** Longest working directory, command and URL, in UTF-16 code units. */
export const MAX_PATH_LENGTH = 4_096

/** Longest Idempotency-Key, in characters. */
export const MAX_IDEMPOTENCY_KEY_LENGTH = 128

/** Page size of list calls. */
export const PAGE_SIZE = { min: 1, max: 200, default: 50 } as const

/** Default limits of a bundle download. */
export const BUNDLE = {
  maxDownloadBytes: 268_435_456,
  maxExpandedBytes: 1_073_741_824,
  maxEntries: 50_000,
  timeoutMs: 300_000,
} as const

/** Limit of one recording, in bytes of its file. */
export const RECORDING_BYTES = { min: 65_536, max: 4_294_967_296, default: 67_108_864 } as const

/** Most clients attached to one session at once. One more is refused with `TOO_MANY_CLIENTS`. */
export const MAX_CLIENTS_PER_SESSION = 64

/** Least bounds that a template may give its sessions. `cpus`: what the kernel can hold at least. */
export const TEMPLATE_LIMITS = {
  processes: { min: 1 },
  memoryBytes: { min: 1_048_576 },
  cpus: { min: 0.01 },
  openFiles: { min: 16 },
  diskBytes: { min: 4_096 },
} as const
