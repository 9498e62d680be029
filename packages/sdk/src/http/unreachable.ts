import { createError } from '../create-error.ts'
import { bounded } from '../deadline.ts'
import type { CliscaleError } from '../errors.ts'
import { isPage, page, pageAddress } from '../page.ts'
import { PROBE_TIMEOUT_MS } from './limits.ts'
import { policyAgainst } from './page-policy.ts'

/** What could not be reached. */
export interface Unreachable {
  /** http:, https:, ws: or wss:, without secrets; relative to the page in a browser. */
  readonly address: string
  readonly cause: unknown
  /** It is the base address of a Cliscale server. */
  readonly api?: boolean
}

/** Faults that another attempt does not mend, by what Node and `ws` say. */
const FINAL: readonly (readonly [RegExp, string])[] = [
  [/WRONG_VERSION|PACKET_LENGTH|\bEPROTO\b/, 'what answers there does not speak TLS; use http:// or ws://'],
  [/\bHPE_|HTTPParserError/, 'what answers there does not speak HTTP; check host and port'],
  [
    /\bCERT_|_CERT_|_CERT\b|UNABLE_TO_VERIFY/,
    'its certificate is not trusted; name the authority with NODE_EXTRA_CA_CERTS',
  ],
  [/\bbad port\b/, '`fetch` never opens this port; let the server listen on another one'],
]

/** Finds out, as far as the platform lets it be known, why an address could not be reached. */
export async function explainUnreachable(what: Unreachable): Promise<CliscaleError> {
  const byCause = explainByCause(what)
  return (byCause.retryable && isPage() ? await explainInPage(what) : undefined) ?? byCause
}

/** The same from the cause alone, without asking anything. */
export function explainByCause({ address, cause }: Unreachable): CliscaleError {
  const told = chainOf(cause).join(' ')
  const final = FINAL.find(([pattern]) => pattern.test(told))?.[1]
  const message = `${address || 'The server'} cannot be reached: ${final ?? messageOf(cause)}`
  return createError('CONNECTION_FAILED', message, { cause, retryable: final === undefined })
}

async function explainInPage({ address, cause, api }: Unreachable): Promise<CliscaleError | undefined> {
  const url = new URL(address, pageAddress())
  const policy = await policyAgainst(url)
  if (policy !== undefined) return createError('BLOCKED_BY_POLICY', policy, { cause })
  const isSocket = url.protocol.startsWith('ws')
  if (!isSocket && url.origin === page.location.origin) return undefined
  return isSocket ? await explainSocket(url, cause) : await explainOtherOrigin(url, cause, api)
}

/** A browser tells neither status nor reason of a WebSocket that did not open: ask by HTTP what is there. */
async function explainSocket(url: URL, cause: unknown): Promise<CliscaleError | undefined> {
  const address = url.href.replace(/^ws/, 'http')
  const answered = (await probe(address, 'cors')) ?? (await probe(address, 'no-cors'))
  if (answered === undefined) return undefined
  // 426 is what a terminal's address answers; an opaque answer has the status 0.
  const { status } = answered
  const answer = status === 0 || status === 426 ? '' : ` (status ${status})`
  const message = `${url.host} answers by HTTP${answer}, but did not open the terminal's WebSocket; a proxy on the way must pass on upgrades.`
  return createError('CONNECTION_FAILED', message, { cause })
}

/** The server tells every page that it lives, so that a page can tell a refusal from an absence. */
async function explainOtherOrigin(url: URL, cause: unknown, api = false): Promise<CliscaleError | undefined> {
  const { origin } = page.location
  if (api && (await probe(`${url.href.replace(/\/$/, '')}/healthz`, 'cors'))?.ok === true) {
    const message = `The server does not let pages of ${origin} use it. Start it with --allowed-origins=${origin}.`
    return createError('ORIGIN_REFUSED', message, { cause })
  }
  if ((await probe(url.href, 'no-cors')) === undefined) return undefined
  const message = `${url.host} answers, but not to pages of ${origin}: its answer lacks Access-Control-Allow-Origin.`
  return createError('CONNECTION_FAILED', message, { cause })
}

async function probe(address: string, mode: 'cors' | 'no-cors'): Promise<Response | undefined> {
  try {
    return await bounded({ timeoutMs: PROBE_TIMEOUT_MS }, (signal) =>
      fetch(address, { mode, signal, cache: 'no-store', credentials: 'omit' }),
    )
  } catch {
    return undefined
  }
}

/** Codes, names and messages of an error and its causes. */
function chainOf(error: unknown): string[] {
  const told: string[] = []
  for (let one = error; one instanceof Error && told.length < 20; one = one.cause) {
    const { code } = one as { code?: unknown }
    told.push(typeof code === 'string' ? code : '', one.name, one.message)
  }
  return told
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Node's fetch says only "fetch failed"; what happened is in its cause.
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message
}
