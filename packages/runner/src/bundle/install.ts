import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import type { BundleSpec, PhaseReport } from '@cliscale/sdk/protocol'

import type { Log } from '../log.ts'
import { type AllowedHosts, HostRules } from './allowed-hosts.ts'
import { BundleError, fullDisk } from './bundle-error.ts'
import { openBundleFile } from './bundle-file.ts'
import { type Download, download } from './fetch.ts'
import { FETCH_LIMITS, REPORT_EVERY_MS, type UnpackLimits } from './limits.ts'
import { NetworkFault } from './network-fault.ts'
import type { OutsideWorld } from './outside-world.ts'
import { openStaging } from './place.ts'
import { throttled } from './throttle.ts'
import { trust } from './trust.ts'
import { unpack } from './unpack.ts'
import type { Confine } from './unpack-launch.ts'
import { checkDigest } from './verify.ts'

/** Attempts in all when the network fails, and the pause before each further one. */
const RETRY_DELAYS_MS = [250, 1_000] as const

/** What installing a bundle needs. */
export interface BundleContext {
  /** The work folder, into which the bundle is unpacked. */
  readonly folder: string
  readonly allowed: AllowedHosts
  readonly world: OutsideWorld
  readonly signal: AbortSignal
  readonly report: (report: PhaseReport) => void
  readonly log: Log
  /** What is put between this machine and the program that unpacks. Default: nothing. */
  readonly confine?: Confine
  /** Default: those of {@link unpack}. */
  readonly limits?: UnpackLimits
}

/**
 * Fetches, verifies and unpacks a bundle. Nothing is unpacked before the whole archive was verified, and nothing stays of
 * one that is not unpacked to its end. Returns the folders in which its programs are looked for, best first.
 *
 * @throws {BundleError}
 */
export async function installBundle(bundle: BundleSpec, context: BundleContext): Promise<readonly string[]> {
  const rules = new HostRules(context.allowed)
  rules.url(bundle.url)
  const file = openBundleFile(context.folder)
  try {
    const { sha256, told } = await fetchWithRetries(bundle.url, { ...context, rules, file: file.forWriting })
    checkDigest(sha256, bundle.sha256, told)
    return programFolders(context.folder, await unpackInto(file.forReading, context))
  } catch (error) {
    throw fullDisk(error) ?? error
  } finally {
    file.close()
  }
}

async function unpackInto(archive: number, context: BundleContext): Promise<readonly string[]> {
  const { progress, end } = throttled(
    (done, total) => context.report({ phase: 'verifying', progress: { done, total, unit: 'entries' } }),
    REPORT_EVERY_MS,
  )
  context.report({ phase: 'verifying' })
  const { signal, log, confine, limits } = context
  const staging = openStaging(context.folder)
  try {
    const optional = {
      ...(confine === undefined ? {} : { confine }),
      ...(limits === undefined ? {} : { limits }),
    }
    await unpack({ archive, folder: staging.path, signal, progress, log, ...optional })
    return staging.place()
  } finally {
    end()
    staging.remove()
  }
}

interface FetchContext extends BundleContext {
  readonly rules: HostRules
  readonly file: number
}

async function fetchWithRetries(url: string, context: FetchContext): Promise<Download> {
  const { rules, world, file, log } = context
  const signal = AbortSignal.any([context.signal, timeLimit()])
  trustOperator(world, log)
  for (let attempt = 0; ; attempt++) {
    const { progress, end } = throttled(
      (done, total) => context.report({ phase: 'fetching', progress: { done, total, unit: 'bytes' } }),
      REPORT_EVERY_MS,
    )
    context.report({ phase: 'fetching' })
    try {
      return await download(url, { file, progress, signal, rules, world })
    } catch (error) {
      if (error instanceof NetworkFault) logFault(log, url, error)
      const pause = RETRY_DELAYS_MS[attempt]
      if (pause === undefined || signal.aborted || !(error instanceof BundleError) || !error.again)
        throw error
      end()
      await delay(pause, undefined, { signal })
    } finally {
      end()
    }
  }
}

/** The address's path may hold a secret. */
function logFault(log: Log, url: string, { reason }: NetworkFault): void {
  log.warn('bundle not downloaded', { host: URL.parse(url)?.host ?? '', reason })
}

/** Without the operator's certificates the connection fails, and its reason is in the log beside this. */
function trustOperator({ certificates }: OutsideWorld, log: Log): void {
  if (certificates === '') return
  try {
    trust(certificates)
  } catch {
    log.error('the certificates of NODE_EXTRA_CA_CERTS or SSL_CERT_FILE cannot be used')
  }
}

function timeLimit(): AbortSignal {
  const controller = new AbortController()
  const seconds = FETCH_LIMITS.totalMs / 1_000
  const reason = new BundleError('BUNDLE_TOO_LARGE', `The bundle took longer than ${seconds} seconds.`)
  setTimeout(() => controller.abort(reason), FETCH_LIMITS.totalMs).unref()
  return controller.signal
}

/** The bundle's own folders: its root, its only folder if it has but one, and `bin` in each. */
function programFolders(folder: string, tops: readonly string[]): readonly string[] {
  const roots = [folder, ...(tops.length === 1 ? [join(folder, tops[0] ?? '')] : [])]
  return roots.flatMap((root) => [join(root, 'bin'), root]).filter((path) => existsSync(path))
}
