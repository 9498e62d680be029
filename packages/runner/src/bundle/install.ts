import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { BUNDLE, type BundleSpec, type PhaseReport } from '@cliscale/sdk/protocol'

import { BundleError } from './bundle-error.ts'
import { extract } from './extract.ts'
import { allowedUrl, download } from './fetch.ts'
import { throttled } from './throttle.ts'
import { checkDigest } from './verify.ts'

/** Attempts in all when the network fails, and the pause before each further one. */
const RETRY_DELAYS_MS = [250, 1_000] as const

/** At most so often a progress is reported. */
const REPORT_EVERY_MS = 100

/** What installing a bundle needs. */
export interface BundleContext {
  /** The work folder, into which the bundle is unpacked. */
  readonly folder: string
  /** `host` or `host:port` from which plain http is allowed. */
  readonly httpHosts: readonly string[]
  readonly signal: AbortSignal
  readonly report: (report: PhaseReport) => void
}

/**
 * Fetches, verifies and unpacks a bundle. Nothing is unpacked before the whole archive was verified. Returns the folders
 * in which its programs are looked for, best first.
 *
 * @throws {BundleError}
 */
export async function installBundle(bundle: BundleSpec, context: BundleContext): Promise<readonly string[]> {
  allowedUrl(bundle.url, context.httpHosts)
  const limit = AbortSignal.any([context.signal, timeLimit()])
  const file = join(context.folder, `.cliscale-bundle-${randomUUID()}`)
  try {
    checkDigest(await fetchWithRetries(bundle.url, file, { ...context, signal: limit }), bundle.sha256)
    return programFolders(context.folder, await unpack(file, { ...context, signal: limit }))
  } finally {
    await rm(file, { force: true })
  }
}

async function unpack(file: string, context: BundleContext): Promise<readonly string[]> {
  const { progress, end } = throttled(
    (done, total) => context.report({ phase: 'verifying', progress: { done, total, unit: 'entries' } }),
    REPORT_EVERY_MS,
  )
  context.report({ phase: 'verifying' })
  try {
    return await extract(file, { folder: context.folder, signal: context.signal, progress })
  } finally {
    end()
  }
}

async function fetchWithRetries(url: string, file: string, context: BundleContext): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const { progress, end } = throttled(
      (done, total) => context.report({ phase: 'fetching', progress: { done, total, unit: 'bytes' } }),
      REPORT_EVERY_MS,
    )
    context.report({ phase: 'fetching' })
    try {
      return await download(url, { file, progress, signal: context.signal, httpHosts: context.httpHosts })
    } catch (error) {
      const pause = RETRY_DELAYS_MS[attempt]
      if (pause === undefined || !(error instanceof BundleError) || !error.again) throw error
      end()
      await delay(pause, undefined, { signal: context.signal })
    } finally {
      end()
    }
  }
}

function timeLimit(): AbortSignal {
  const controller = new AbortController()
  const seconds = BUNDLE.timeoutMs / 1_000
  const reason = new BundleError('BUNDLE_TOO_LARGE', `The bundle took longer than ${seconds} seconds.`)
  setTimeout(() => controller.abort(reason), BUNDLE.timeoutMs).unref()
  return controller.signal
}

/** The bundle's own folders: its root, its only folder if it has but one, and `bin` in each. */
function programFolders(folder: string, tops: readonly string[]): readonly string[] {
  const roots = [folder, ...(tops.length === 1 ? [join(folder, tops[0] ?? '')] : [])]
  return roots.flatMap((root) => [join(root, 'bin'), root]).filter((path) => existsSync(path))
}
