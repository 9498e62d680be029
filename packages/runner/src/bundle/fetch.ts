import { ftruncateSync, write } from 'node:fs'
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'

import type { HostRules } from './allowed-hosts.ts'
import { BundleError, fullDisk } from './bundle-error.ts'
import { FETCH_LIMITS } from './limits.ts'
import { faultReason, NetworkFault } from './network-fault.ts'
import type { OutsideWorld } from './outside-world.ts'
import { findRoute } from './route.ts'
import { DigestStream } from './verify.ts'

const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** Statuses after which the same request may succeed. */
const TEMPORARY = new Set([408, 425, 429, 500, 502, 503, 504])

/** What a download needs. */
export interface DownloadOptions {
  /** Descriptor of a file to write; what it holds is dropped. */
  readonly file: number
  readonly rules: HostRules
  readonly world: OutsideWorld
  readonly signal: AbortSignal
  /** Default {@link FETCH_LIMITS}. */
  readonly silentMs?: number
  /** Called for each piece; `total` is null without a Content-Length. */
  readonly progress: (done: number, total: number | null) => void
}

/** What came. */
export interface Download {
  /** In hexadecimal. */
  readonly sha256: string
  /** Whether it came from a public host, so that its digest may be told. */
  readonly told: boolean
}

interface Answer {
  readonly response: IncomingMessage
  readonly told: boolean
}

/**
 * Downloads `url` into a file. Redirects are followed, and each is judged like the first address. What a host that is not
 * public answers is a {@link NetworkFault} like no answer at all, unless it is the bundle.
 *
 * @throws {BundleError} `BUNDLE_REFUSED`, `BUNDLE_FETCH_FAILED`, `BUNDLE_TOO_LARGE`
 */
export async function download(url: string, options: DownloadOptions): Promise<Download> {
  const { response, told } = await follow(options.rules.url(url), options)
  const length = Number(response.headers['content-length'] ?? Number.NaN)
  const total = Number.isSafeInteger(length) ? length : null
  if (total !== null && total > FETCH_LIMITS.bytes) {
    response.destroy()
    throw tooLarge()
  }
  const digest = new DigestStream((done) => {
    if (done > FETCH_LIMITS.bytes) throw tooLarge()
    options.progress(done, total)
  })
  ftruncateSync(options.file)
  try {
    await pipeline(
      response,
      digest,
      async (pieces: AsyncIterable<Buffer>) => writeAll(options.file, pieces),
      {
        signal: options.signal,
      },
    )
  } catch (error) {
    throw asFault(error, options.signal)
  }
  return { sha256: digest.sha256, told }
}

const writeAt = promisify(write)

/** Writes all pieces from the file's beginning on. A stream of the file would close its descriptor on a fault. */
async function writeAll(file: number, pieces: AsyncIterable<Buffer>): Promise<void> {
  let at = 0
  for await (const piece of pieces) {
    for (let done = 0; done < piece.length;) {
      const { bytesWritten } = await writeAt(file, piece, done, piece.length - done, at)
      done += bytesWritten
      at += bytesWritten
    }
  }
}

async function follow(first: URL, options: DownloadOptions): Promise<Answer> {
  let url = first
  let told = true
  try {
    for (let hops = 0; hops <= FETCH_LIMITS.redirects; hops++) {
      const answer = await get(url, options)
      told &&= answer.told
      if (answer.response.statusCode === 200) return { response: answer.response, told }
      answer.response.destroy()
      url = options.rules.url(targetOf(answer.response, url), url)
    }
    const most = FETCH_LIMITS.redirects
    throw new BundleError('BUNDLE_FETCH_FAILED', `The bundle was redirected more than ${most} times.`)
  } catch (error) {
    if (told || error instanceof NetworkFault || !(error instanceof BundleError)) throw error
    throw new NetworkFault(error.message)
  }
}

/** Where an answer leads that is not the bundle. @throws {BundleError} when it leads nowhere */
function targetOf({ statusCode = 0, headers }: IncomingMessage, { host }: URL): string {
  if (REDIRECTS.has(statusCode) && headers.location !== undefined) return headers.location
  throw new BundleError('BUNDLE_FETCH_FAILED', `${host} answered ${statusCode} for the bundle.`, {
    again: TEMPORARY.has(statusCode),
  })
}

async function get(url: URL, options: DownloadOptions): Promise<Answer> {
  const { signal, silentMs = FETCH_LIMITS.silentMs } = options
  const route = await findRoute(url, options).catch((error: unknown) => {
    throw asFault(error, signal)
  })
  const request = await send(url, { ...route.options, signal, timeout: silentMs })
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  request.on('response', resolve)
  request.on('timeout', () => request.destroy(new NetworkFault(`silent for ${silentMs} ms`)))
  request.on('error', (error) => reject(beforeAnswer(error, signal)))
  request.end()
  return { response: await promise, told: route.told }
}

async function send(url: URL, options: RequestOptions): Promise<ClientRequest> {
  const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http')
  // A hash of what is stored, not of what a proxy makes of it.
  const headers = { 'accept-encoding': 'identity', 'user-agent': 'cliscale-runner' }
  return request(url, { ...options, headers })
}

/** Until there is an answer, even being out of time says something about the network. */
function beforeAnswer(error: unknown, signal: AbortSignal): unknown {
  return signal.reason instanceof BundleError
    ? new NetworkFault('no answer within the time for a bundle')
    : asFault(error, signal)
}

function asFault(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof BundleError) return error
  if (signal.aborted) return signal.reason
  return fullDisk(error) ?? new NetworkFault(faultReason(error))
}

function tooLarge(): BundleError {
  return new BundleError('BUNDLE_TOO_LARGE', `The bundle is larger than ${FETCH_LIMITS.bytes} bytes.`)
}
