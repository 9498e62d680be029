import type { ChildProcess } from 'node:child_process'
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Controlplane } from './control-plane.ts'
import { collect, end, forkNode, freePort, listening, portOf, spawnProgram } from './processes.ts'

/** One way between client and runner, running. */
export interface Peer {
  readonly port: number
  readonly path: string
  /** Its processes; empty for `direct`. */
  readonly pids: readonly number[]
  /** Collects garbage where there is any. */
  collect(): Promise<void>
  /** So many tokens; peers without authentication get one that nobody looks at. */
  tokens(count: number): Promise<string[]>
  stop(): Promise<void>
}

/** How to start one. */
export interface PeerKind {
  readonly name: string
  /** Null when it can be started here, else why not. */
  missing(): string | null
  start(context: PeerContext): Promise<Peer>
}

/** What peers are started with. */
export interface PeerContext {
  /** Port of the runner's end. */
  readonly backend: number
  readonly folder: string
  readonly plane: Controlplane
  /** Folder for CPU profiles of the gateway, and of the peers that are Node programs, to compare where time goes. */
  readonly profiles?: string
}

/** As long as a real token. */
const IDLE_TOKEN = `${'a'.repeat(80)}.${'b'.repeat(280)}.${'c'.repeat(342)}`
const PATH = '/v1/terminal'

const direct: PeerKind = {
  name: 'direct',
  missing: () => null,
  start: async ({ backend }) => plain(backend, []),
}

function plain(
  port: number,
  children: readonly ChildProcess[],
  pids = children.map(({ pid }) => pid ?? 0),
): Peer {
  return {
    port,
    path: PATH,
    pids,
    collect: async () => void (await Promise.all(children.filter(({ connected }) => connected).map(collect))),
    tokens: async () => [IDLE_TOKEN],
    stop: async () => void (await Promise.all(children.map(end))),
  }
}

function nodePeer(name: string, file: string): PeerKind {
  return {
    name,
    missing: () => null,
    start: async ({ backend, profiles }) => {
      const child = forkNode(`proxies/${file}`, [String(backend)], { flags: profiling(profiles) })
      return plain(await portOf(child), [child])
    },
  }
}

/** The product: the server's own command in mode `gateway`, with real tokens and the real database. */
function cliscale(name: string, flags: readonly string[]): PeerKind {
  return {
    name,
    missing: () => null,
    start: async ({ backend, plane, profiles }) => {
      const port = await freePort()
      const child = forkNode(
        fileURLToPath(new URL('../../src/cli.ts', import.meta.url)),
        [
          '--mode=gateway',
          `--port=${port}`,
          '--internal-port=0',
          `--data-dir=${plane.dataDir}`,
          '--runner-networks=127.0.0.0/8',
          '--max-pending-upgrades=4096',
          '--max-pending-per-address=4096',
          `--log-level=${process.env.BENCH_LOG ?? 'info'}`,
          '--log-format=json',
          '--drain-seconds=0',
        ],
        {
          flags: [...flags, ...profiling(profiles)],
          env: { ...process.env, DATABASE_URL: plane.connectionString },
        },
      )
      await listening(port)
      const session = await plane.session(`tcp:127.0.0.1:${backend}`)
      return {
        ...plain(port, [child]),
        path: `/v1/sessions/${session}/terminal`,
        tokens: (count) => plane.tokens(session, count),
      }
    },
  }
}

function profiling(folder: string | undefined): string[] {
  return folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}`]
}

const haproxy: PeerKind = {
  name: 'haproxy',
  missing: () => missingProgram('/usr/sbin/haproxy', 'haproxy'),
  start: async ({ backend, folder }) => {
    const port = await freePort()
    const file = join(folder, 'haproxy.cfg')
    writeFileSync(
      file,
      `global\n maxconn 9500\n nbthread 1\ndefaults\n mode http\n timeout connect 5s\n timeout client 60s\n` +
        ` timeout server 60s\n timeout tunnel 1h\nfrontend f\n bind 127.0.0.1:${port} backlog 4096\n default_backend b\n` +
        `backend b\n server s 127.0.0.1:${backend}\n`,
    )
    const child = spawnProgram('/usr/sbin/haproxy', ['-db', '-q', '-f', file])
    await listening(port)
    return plain(port, [child])
  },
}

const nginx: PeerKind = {
  name: 'nginx',
  missing: () => missingProgram('/usr/sbin/nginx', 'nginx-light'),
  start: async ({ backend, folder }) => {
    const port = await freePort()
    const file = join(folder, 'nginx.conf')
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join(' ')
    writeFileSync(
      file,
      `daemon off; worker_processes 1; worker_rlimit_nofile 19900; pid ${folder}/nginx.pid;\n` +
        `error_log ${folder}/nginx.log crit; events { worker_connections 19000; }\n` +
        `http { access_log off; ${temporary} proxy_buffer_size 4k; proxy_buffers 2 4k; proxy_busy_buffers_size 4k;\n` +
        `server { listen 127.0.0.1:${port} backlog=4096; location / { proxy_pass http://127.0.0.1:${backend};\n` +
        'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";\n' +
        'proxy_read_timeout 1h; proxy_send_timeout 1h; } } }\n',
    )
    const child = spawnProgram('/usr/sbin/nginx', ['-c', file, '-p', folder])
    await listening(port)
    const pid = child.pid ?? 0
    const workers = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .split(' ')
      .filter(Boolean)
      .map(Number)
    return plain(port, [child], [pid, ...workers])
  },
}

function missingProgram(path: string, packageName: string): string | null {
  try {
    accessSync(path, constants.X_OK)
    return null
  } catch {
    return `${path} is missing: apt-get install ${packageName}`
  }
}

/** What the command `cliscale-server` gives Node by itself. */
const SERVER_FLAGS = ['--max-semi-space-size=4']

/** All of them, ours first. */
export const PEERS: readonly PeerKind[] = [
  cliscale('cliscale', SERVER_FLAGS),
  cliscale('cliscale --optimize-for-size', ['--optimize-for-size']),
  // Variants to compare: `BENCH_FLAGS='--a --b;--c'` adds a peer for each list of Node flags.
  ...(process.env.BENCH_FLAGS?.split(';') ?? []).map((flags) =>
    cliscale(`cliscale ${flags}`, flags.split(' ')),
  ),
  direct,
  nodePeer('raw net splice', 'raw-net.ts'),
  nodePeer('lean splice', 'lean-splice.ts'),
  haproxy,
  nginx,
  nodePeer('http-proxy-3', 'http-proxy-3.ts'),
  nodePeer('ws to ws', 'ws-ws.ts'),
  nodePeer('@fastify/http-proxy', 'fastify-http-proxy.ts'),
]
