/**
 * WebSocket close codes that the gateway and the runner send. RFC 6455 §7.4.2 leaves 4000–4999 to applications;
 * ours mirror the HTTP status of the same refusal. `retry` tells a client whether connecting again can help;
 * each attempt needs a new token, because tokens are redeemed once.
 */
// prettier-ignore
export const CLOSE_CODES = {
  1000: { name: 'normal', retry: false, meaning: 'The session is over; an exit message came before.' },
  1001: { name: 'going away', retry: true, meaning: 'The other side went away.' },
  1006: { name: 'abnormal', retry: true, meaning: 'The connection was lost without a close.' },
  1009: { name: 'too big', retry: false, meaning: 'A frame was larger than the limit.' },
  1011: { name: 'internal', retry: true, meaning: 'The server failed unexpectedly.' },
  1012: { name: 'restart', retry: true, meaning: 'The gateway restarts; `retryAfterMs` of the error says when to come back.' },
  1013: { name: 'try later', retry: true, meaning: 'The server is overloaded or a part of it is away; retry after a pause.' },
  4400: { name: 'bad request', retry: false, meaning: 'The client broke the protocol.' },
  4401: { name: 'unauthorized', retry: true, meaning: 'The token is missing, invalid, expired or used; retry only with a new one.' },
  4403: { name: 'forbidden', retry: false, meaning: 'The origin or the role does not allow this.' },
  4404: { name: 'not found', retry: false, meaning: 'There is no such session.' },
  4408: { name: 'timeout', retry: true, meaning: 'The client was silent for too long during the handshake.' },
  4409: { name: 'taken over', retry: false, meaning: 'The same client connected again elsewhere.' },
  4410: { name: 'gone', retry: false, meaning: 'The session ended.' },
  4429: { name: 'limit', retry: true, meaning: 'A limit was reached; retry after a pause.' },
  4500: { name: 'failed', retry: false, meaning: 'The session could not be started or its runner was lost.' },
} as const

/** A close code of {@link CLOSE_CODES}. */
export type CloseCode = keyof typeof CLOSE_CODES

/** True when connecting again may help. Unknown codes are treated as a lost connection. */
export function isRetryableClose(code: number): boolean {
  const row = (CLOSE_CODES as Record<number, { retry: boolean } | undefined>)[code]
  return row === undefined ? true : row.retry
}
