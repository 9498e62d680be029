import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dataFolder, removeDataFolder } from './data-folder.ts'
import { tellLogOfFailure } from './tell-log.ts'

/** `cliscale-server` as a process of its own. */
export interface SpawnedServer {
  readonly baseUrl: string
  readonly internalUrl: string
  readonly apiKey: string
  readonly dataDir: string
  readonly child: ChildProcess
  /** Standard output and error so far. */
  readonly output: () => string
  /** Sends a signal and waits for the end of the process. Resolves to its exit code, null when the signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** What a server process may want otherwise. */
export interface ServerProcessOptions {
  /** Flags of `cliscale-server`, as in `['--spare-runners=0']`. */
  readonly flags?: readonly string[]
  /** Environment variables of `cliscale-server`. */
  readonly env?: Readonly<Record<string, string>>
  /** A data folder that outlives the process, for starting again on it. Default: one of the test's own. */
  readonly dataDir?: string
  /** A key from an earlier start on the same data. Default: a new one, made by `makeKey`. */
  readonly apiKey?: string
  /** Makes a key once the server is ready. Default: the command does. */
  readonly makeKey?: () => Promise<string>
}

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const SOURCE_FLAGS = ['--conditions=@cliscale/source', `--import=${join(ROOT, '.ci/lib/source-loader.mjs')}`]

/** The Node that the server runs on: the test's own, unless that one is too old for it. */
const SERVER_NODE = process.env.CLISCALE_TEST_NODE || process.execPath

/** The Node that the repository pins, whatever Node runs the test. */
export const PINNED_NODE: string = join(ROOT, 'node_modules/.bin/node')

/** Program and arguments of the real command. */
export function serverCommand(...args: readonly string[]): readonly [string, ...string[]] {
  return [SERVER_NODE, ...SOURCE_FLAGS, CLI, ...args]
}

/**
 * Starts the real command, with an embedded PostgreSQL unless `DATABASE_URL` is given. It is stopped with the test, unless
 * the test stopped it.
 */
export async function startServerProcess(
  t: TestContext,
  options: ServerProcessOptions = {},
): Promise<SpawnedServer> {
  const dataDir = options.dataDir ?? (await dataFolder())
  const flags = ['--port=0', '--internal-port=0', `--data-dir=${dataDir}`]
  const env = cleanEnvironment({ CLISCALE_DRAIN_SECONDS: '0', ...options.env })
  const child = spawn(SERVER_NODE, [...SOURCE_FLAGS, CLI, ...flags, ...(options.flags ?? [])], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await exited
    return child.exitCode
  }
  t.after(async () => {
    await stop()
    if (options.dataDir === undefined) await removeDataFolder(dataDir)
  })
  let output = ''
  tellLogOfFailure(t, `cliscale-server ${child.pid}`, () => output)
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
  const ready = await new Promise<Ready>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      output += `${line}\n`
      const found = readyLine(line)
      if (found !== null) resolve(found)
    })
    child.once('exit', () => reject(new Error(`cliscale-server ended before it was ready:\n${output}`)))
  })
  const makeKey = options.makeKey ?? (() => keyByCommand(dataDir, env))
  const apiKey = options.apiKey ?? (await makeKey())
  return {
    baseUrl: ready.url,
    internalUrl: ready.internalUrl,
    apiKey,
    dataDir,
    child,
    output: () => output,
    stop,
  }
}

async function keyByCommand(
  dataDir: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const made = await runCli(['keys', 'create', 'test', '--scopes=admin', `--data-dir=${dataDir}`], env)
  return made.stdout.trim()
}

interface Ready {
  readonly url: string
  readonly internalUrl: string
}

function readyLine(line: string): Ready | null {
  if (!line.includes('"msg":"Ready"')) return null
  return JSON.parse(line) as Ready
}

/** What a finished command said. */
export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `cliscale-server` with arguments until it ends by itself. */
export async function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = cleanEnvironment(),
): Promise<CliResult> {
  return runNode([CLI, ...args], env)
}

/** Runs the pinned Node on repository source until it ends by itself. */
export async function runNode(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = cleanEnvironment(),
): Promise<CliResult> {
  const child = spawn(SERVER_NODE, [...SOURCE_FLAGS, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  await once(child, 'close')
  return { code: child.exitCode, stdout, stderr }
}

/** This process's environment without anything that would configure the server. */
export function cleanEnvironment(
  more: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string | undefined>> {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(CLISCALE_|DB_|DATABASE_URL$|NODE_OPTIONS$|NODE_TEST_CONTEXT$)/.test(name),
  )
  return { ...Object.fromEntries(own), ...more }
}

/** Calls a server's REST API. */
export async function callApi(
  { baseUrl, apiKey }: { readonly baseUrl: string; readonly apiKey: string },
  { method, path, body }: { readonly method: string; readonly path: string; readonly body?: unknown },
): Promise<Response> {
  return fetch(`${baseUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${apiKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}
