import type { ErrorCode } from '@cliscale/sdk/protocol'
import { WebSocket } from 'ws'

/** Codes with which the library closes by itself, after bytes that are not of RFC 6455 or over a bound: what a client is told. */
const FAULTS = {
  1002: ['MALFORMED_FRAME', 'A frame broke the WebSocket protocol.'],
  1007: ['MALFORMED_FRAME', 'A text is not UTF-8.'],
  1008: ['FRAME_TOO_LARGE', 'A message has too many fragments.'],
  1009: ['FRAME_TOO_LARGE', 'A message is over the limit; split large input.'],
} as const satisfies Record<number, readonly [code: ErrorCode, message: string]>

/** A client's socket. A fault is told before the close, so that every end that the server chooses says why. */
export class TerminalSocket extends WebSocket {
  /** Called once, instead of a close by the library, after a fault of the other side. It must close. */
  onFault: ((code: ErrorCode, message: string) => void) | undefined

  /** Of those who close, only the library after a fault gives such a code and no reason. */
  override close(code?: number, reason?: string | Buffer): void {
    const { onFault } = this
    if (onFault === undefined || reason !== undefined || !isFault(code)) return super.close(code, reason)
    this.onFault = undefined
    const [error, message] = FAULTS[code]
    onFault(error, message)
  }
}

function isFault(code: number | undefined): code is keyof typeof FAULTS {
  return code !== undefined && Object.hasOwn(FAULTS, code)
}
