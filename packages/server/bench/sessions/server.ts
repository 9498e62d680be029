import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Cliscale } from '@cliscale/sdk'
import { WebSocket } from 'ws'
import { inTime } from './in-time.ts'

const COMMAND = fileURLToPath(new URL('../../bin/cliscale-server.js', import.meta.url))
/** The flag stands in the command's first line, which is not read when Node is named. */
const NODE_FLAGS = ['--max-semi-space-size=4', '--inspect=127.0.0.1:0']
const KEY_MS = 60_000
const FLAGS = ['--port=0', '--internal-port=0', '--drain-seconds=0', '--log-format=json']

/** The built server as its users run it: own process, embedded PostgreSQL, empty data folder. */
export interface BenchServer {
  readonly cliscale: Cliscale
  readonly pid: number
  /** Process ids of its runners. */
  runnerPids(): readonly number[]
  /** A value of `/metrics`. */
  metric(name: string): Promise<number>
  /** Makes the server collect garbage, so that resident memory is what it needs. */
  collectGarbage(): Promise<void>
  stop(): Promise<void>
}

/** Starts it with more flags. */
export async function startServer(...flags: readonly string[]): Promise<BenchServer> {
  const folder = mkdtempSync(join(tmpdir(), 'csb-'))
  const data = `--data-dir=${folder}`
  const child = spawn(process.execPath, [...NODE_FLAGS, COMMAND, ...FLAGS, data, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const inspector = inspectorUrl(child)
  const { url, internalUrl, apiKey } = await opened(child, data).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
  const runnerPids = (): readonly number[] => pidsBelow(join(folder, 'run'))
  return {
    cliscale: new Cliscale({ baseUrl: url, apiKey }),
    pid: child.pid ?? 0,
    runnerPids,
    metric: async (name) => {
      const text = await inTime('metrics', textOf(`${internalUrl}/metrics`))
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
    },
    collectGarbage: async () => inTime('end of the garbage collection', inspector.then(collectGarbage)),
    stop: async () => {
      await end(child).finally(() => runnerPids().forEach(endGroup))
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    },
  }
}

/** Where it listens, and a key for it. */
async function opened(
  child: ChildProcess,
  data: string,
): Promise<{ url: string; internalUrl: string; apiKey: string }> {
  const addresses = await inTime('server that is ready', readyLine(child))
  const apiKey = execFileSync(process.execPath, [COMMAND, 'keys', 'create', 'bench', data], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: KEY_MS,
  }).trim()
  return { ...addresses, apiKey }
}

/** @throws Error when it ended before, or did not end when asked to; it is gone then as well */
async function end(child: ChildProcess): Promise<void> {
  const { exitCode, signalCode } = child
  if (exitCode !== null || signalCode !== null)
    throw new Error(`The server ended by itself: ${signalCode ?? `exit code ${exitCode}`}.`)
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  try {
    await inTime('end of the server', gone)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}

async function textOf(url: string): Promise<string> {
  return (await fetch(url)).text()
}

/** The address of the inspector, as Node prints it; what else it prints to the error output goes on to ours. */
async function inspectorUrl(child: ChildProcess): Promise<string> {
  if (child.stderr === null) throw new Error('The server has no error output.')
  const lines = createInterface(child.stderr)
  return await new Promise((resolve) => {
    lines.on('line', (line) => {
      const url = /^Debugger listening on (ws:\S+)/.exec(line)?.[1]
      if (url !== undefined) resolve(url)
      else if (!/^(Debugger|For help|Waiting for)/.test(line)) console.error(line)
    })
  })
}

async function collectGarbage(url: string): Promise<void> {
  const socket = new WebSocket(url)
  await once(socket, 'open')
  for (let id = 1; id <= 4; id += 1) {
    const answer = once(socket, 'message')
    socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }))
    await answer
  }
  // A process that is being inspected does not end.
  const closed = once(socket, 'close')
  socket.close()
  await closed
}

async function readyLine(child: ChildProcess): Promise<{ url: string; internalUrl: string }> {
  if (child.stdout === null) throw new Error('The server has no output.')
  const lines = createInterface(child.stdout)
  return await new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      if (line.includes('"msg":"Ready"')) resolve(JSON.parse(line) as { url: string; internalUrl: string })
    })
    child.once('exit', () => reject(new Error('The server ended before it was ready.')))
  })
}

function pidsBelow(folder: string): readonly number[] {
  return readdirSync(folder).flatMap((id) => {
    try {
      return [(JSON.parse(readFileSync(join(folder, id, 'pid'), 'utf8')) as { pid: number }).pid]
    } catch {
      return []
    }
  })
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}
