import { createHash } from 'node:crypto'
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import type { PhaseReport } from '@cliscale/sdk/protocol'

import { StartFailure } from '../../src/command.ts'
import { type BundleContext, installBundle } from '../../src/bundle/install.ts'
import { UNPACK_LIMITS, type UnpackLimits } from '../../src/bundle/limits.ts'
import { PLAIN_WORLD } from '../../src/bundle/outside-world.ts'
import type { Log, LogFields } from '../../src/log.ts'

/** A server on a loopback address; returns `host:port`. */
export async function serve(
  t: TestContext,
  listener: RequestListener,
  address = '127.0.0.1',
): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, address, resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return `${address.includes(':') ? `[${address}]` : address}:${port}`
}

/** SHA-256 in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A log that keeps its lines. */
export class KeptLog implements Log {
  readonly lines: string[] = []
  readonly #keep = (message: string, fields: LogFields = {}): void =>
    void this.lines.push(JSON.stringify({ message, ...fields }))
  readonly debug = this.#keep
  readonly info = this.#keep
  readonly warn = this.#keep
  readonly error = this.#keep

  /** All of it. */
  get text(): string {
    return this.lines.join('\n')
  }
}

/** What became of an installation. */
export interface Outcome {
  /** `code: message` of its failure; `installed` without one. */
  readonly said: string
  readonly failure: StartFailure['failure'] | undefined
  readonly folders: readonly string[]
  readonly log: KeptLog
  readonly reports: readonly PhaseReport[]
  /** The work folder. */
  readonly folder: string
}

/** How it is done; everything has a default. */
export type InstallOptions = Partial<Omit<BundleContext, 'limits'>> & {
  readonly digest?: string
  readonly limits?: Partial<UnpackLimits>
  /** Where the bundle is. Default: at a server that sends it. */
  readonly url?: string
}

/** A folder that is gone when the test ends. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'bundle-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Installs an archive into a work folder in this process, as a runner does. */
export async function installHere(
  t: TestContext,
  archive: Uint8Array,
  over: InstallOptions = {},
): Promise<Outcome> {
  const folder = over.folder ?? newFolder(temporaryFolder(t), 'work')
  const { url, limits, digest, ...rest } = over
  const host = url === undefined ? await serve(t, (_request, response) => response.end(archive)) : ''
  const log = new KeptLog()
  const reports: PhaseReport[] = []
  const context: BundleContext = {
    allowed: { httpHosts: ['127.0.0.1'], privateNetworks: [] },
    world: PLAIN_WORLD,
    signal: new AbortController().signal,
    report: (report) => void reports.push(report),
    log,
    ...rest,
    folder,
    limits: { ...UNPACK_LIMITS, ...limits },
  }
  const bundle = { url: url ?? `http://${host}/bundle`, sha256: digest ?? sha256(archive) }
  try {
    const folders = await installBundle(bundle, context)
    return { said: 'installed', failure: undefined, folders, log, reports, folder }
  } catch (error) {
    if (!(error instanceof StartFailure)) throw error
    const { failure } = error
    return { said: `${failure.code}: ${failure.message}`, failure, folders: [], log, reports, folder }
  }
}

/** Makes a folder below another one. */
export function newFolder(parent: string, name: string): string {
  const path = join(parent, name)
  mkdirSync(path, { recursive: true })
  return path
}

/** A folder with what an attacker would like to write over, beside a work folder. */
export function surroundings(t: TestContext): { readonly root: string; readonly work: string } {
  const root = temporaryFolder(t)
  writeFileSync(join(newFolder(root, 'etc'), 'passwd'), 'root:x:0:0\n')
  writeFileSync(join(root, 'evil'), 'as it was\n')
  newFolder(root, 'empty')
  return { root, work: newFolder(root, 'work') }
}

/** Everything below a folder, with kind, mode, link target and content, for comparison. */
export function treeOf(folder: string, below = ''): readonly string[] {
  return readdirSync(join(folder, below))
    .sort()
    .flatMap((name) => {
      const path = join(below, name)
      const about = lstatSync(join(folder, path))
      const head = `${path} ${about.mode.toString(8)}`
      if (about.isSymbolicLink()) return [`${head} -> ${readlinkSync(join(folder, path))}`]
      if (about.isDirectory()) return [head, ...treeOf(folder, path)]
      return [`${head} ${about.nlink} ${about.isFile() ? sha256(readFileSync(join(folder, path))) : ''}`]
    })
}
