import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const BUILT = fileURLToPath(new URL('../../bin/cliscale-server.js', import.meta.url))
const SOURCE = fileURLToPath(new URL('../../src/cli.ts', import.meta.url))

/** How gateways are started. */
export interface GatewaySettings {
  readonly connectionString: string
  readonly dataDir: string
  readonly drainSeconds: number
  /** Runs what is in `src/` and not what was built. */
  readonly source: boolean
  readonly flags: readonly string[]
}

/** A gateway as its users run it. */
export interface GatewayProcess {
  readonly child: ChildProcess
  readonly url: string
  /** Milliseconds from its start to its readiness. */
  readonly startMs: number
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>
}

/** Starts `cliscale-server --mode=gateway` and waits until it is ready. All clients here have one address. */
export async function startGateway(settings: GatewaySettings, port = 0): Promise<GatewayProcess> {
  const startedAt = performance.now()
  const program = settings.source
    ? ['--conditions=@cliscale/source', SOURCE]
    : ['--max-semi-space-size=4', BUILT]
  const flags = [
    '--mode=gateway',
    `--port=${port}`,
    '--internal-port=0',
    `--data-dir=${settings.dataDir}`,
    `--drain-seconds=${settings.drainSeconds}`,
    '--max-pending-per-address=4096',
    '--max-pending-upgrades=4096',
    '--log-format=json',
    ...settings.flags,
  ]
  const child = spawn(process.execPath, [...program, ...flags], {
    env: { ...process.env, DATABASE_URL: settings.connectionString },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (text) => {
      if (text.includes('"msg":"Ready"')) resolve((JSON.parse(text) as { url: string }).url)
    })
    child.once('exit', () => reject(new Error('The gateway ended before it was ready.')))
  })
  return {
    child,
    url: url.replace('http', 'ws'),
    startMs: performance.now() - startedAt,
    end: async (signal) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await exited
    },
  }
}
