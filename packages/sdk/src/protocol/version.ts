/**
 * The wire protocol's own version. It moves only when an old client and a new server (or the other way round) could
 * no longer talk to each other; it is independent of package versions.
 */
export const PROTOCOL_VERSION = 1

/** Versions that a server built from this source answers. A hello with another one is refused with `PROTOCOL_VERSION_UNSUPPORTED`. */
export const SUPPORTED_PROTOCOL_VERSIONS: readonly number[] = [1]

/** WebSocket subprotocol with resume, credit and typed control messages. */
export const CLISCALE_SUBPROTOCOL = 'cliscale.v1'

/** WebSocket subprotocol of stock ttyd clients and servers: output, input and resize only, no resume. */
export const TTY_SUBPROTOCOL = 'tty'

/** The terminal subprotocols, best first. */
export const TERMINAL_SUBPROTOCOLS = [CLISCALE_SUBPROTOCOL, TTY_SUBPROTOCOL] as const

/** A subprotocol that a terminal socket may settle on. */
export type TerminalSubprotocol = (typeof TERMINAL_SUBPROTOCOLS)[number]

/**
 * Prefix of the second offered subprotocol, which carries the session token: browsers cannot set headers on a
 * WebSocket, and a URL would end in logs. It is read by the gateway, never echoed and never forwarded.
 */
export const BEARER_SUBPROTOCOL_PREFIX = 'cliscale.bearer.'
