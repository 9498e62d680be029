import { createWriteStream } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'

import { BUNDLE } from '@cliscale/sdk/protocol'

import { BundleError } from './bundle-error.ts'
import { DigestStream } from './verify.ts'

const MAX_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** Statuses after which the same request may succeed. */
const TEMPORARY = new Set([408, 425, 429, 500, 502, 503, 504])

/** What a download needs. */
export interface DownloadOptions {
  /** File to write; made anew. */
  readonly file: string
  /** `host` or `host:port` from which plain http is allowed. */
  readonly httpHosts: readonly string[]
  readonly signal: AbortSignal
  /** Called for each piece; `total` is null without a Content-Length. */
  readonly progress: (done: number, total: number | null) => void
}

/**
 * Downloads `url` into a file and returns the SHA-256 of what came. Redirects are followed and checked like the first
 * address.
 *
 * @throws {BundleError} `BUNDLE_REFUSED`, `BUNDLE_FETCH_FAILED`, `BUNDLE_TOO_LARGE`
 */
export async function download(url: string, options: DownloadOptions): Promise<string> {
  const response = await follow(allowedUrl(url, options.httpHosts), options)
  const length = Number(response.headers['content-length'] ?? Number.NaN)
  const total = Number.isSafeInteger(length) ? length : null
  if (total !== null && total > BUNDLE.maxDownloadBytes) {
    response.destroy()
    throw tooLarge()
  }
  const digest = new DigestStream((done) => {
    if (done > BUNDLE.maxDownloadBytes) throw tooLarge()
    options.progress(done, total)
  })
  try {
    await pipeline(response, digest, createWriteStream(options.file, { mode: 0o600 }), {
      signal: options.signal,
    })
  } catch (error) {
    throw networkError(error, options.signal)
  }
  return digest.sha256
}

/** Parses an address and checks that it may be used. @throws {BundleError} `BUNDLE_REFUSED` */
export function allowedUrl(text: string, httpHosts: readonly string[]): URL {
  const url = URL.parse(text)
  if (url === null) throw new BundleError('BUNDLE_REFUSED', 'The address of the bundle is not a URL.')
  if (url.username !== '' || url.password !== '') {
    throw new BundleError('BUNDLE_REFUSED', 'The address of the bundle may not hold a user name or password.')
  }
  const plain = url.protocol === 'http:' && (httpHosts.includes(url.host) || httpHosts.includes(url.hostname))
  if (url.protocol !== 'https:' && !plain) {
    throw new BundleError(
      'BUNDLE_REFUSED',
      `The bundle may not be fetched from ${url.protocol}//${url.host}.`,
      {
        hint: 'Use https, or let the server allow http for this host.',
      },
    )
  }
  return url
}

async function follow(first: URL, options: DownloadOptions): Promise<IncomingMessage> {
  let url = first
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await get(url, options.signal)
    const status = response.statusCode ?? 0
    if (status === 200) return response
    response.destroy()
    const target = response.headers.location
    if (!REDIRECTS.has(status) || target === undefined) {
      throw new BundleError('BUNDLE_FETCH_FAILED', `${url.host} answered ${status} for the bundle.`, {
        again: TEMPORARY.has(status),
      })
    }
    url = allowedUrl(URL.parse(target, url)?.href ?? target, options.httpHosts)
  }
  throw new BundleError('BUNDLE_FETCH_FAILED', `The bundle was redirected more than ${MAX_REDIRECTS} times.`)
}

async function get(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
  const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http')
  return new Promise((resolve, reject) => {
    // A hash of what is stored, not of what a proxy makes of it.
    const headers = { 'accept-encoding': 'identity', 'user-agent': 'cliscale-runner' }
    request(url, { signal, headers, agent: false }, resolve)
      .on('error', (error) => reject(networkError(error, signal)))
      .end()
  })
}

function networkError(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof BundleError) return error
  if (signal.aborted && signal.reason instanceof BundleError) return signal.reason
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new BundleError('BUNDLE_TOO_LARGE', 'The work folder has no room for the bundle.')
  }
  return new BundleError('BUNDLE_FETCH_FAILED', `The bundle could not be downloaded (${code}).`, {
    again: true,
  })
}

function tooLarge(): BundleError {
  return new BundleError('BUNDLE_TOO_LARGE', `The bundle is larger than ${BUNDLE.maxDownloadBytes} bytes.`)
}
