import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { backwards } from './backwards.ts'
import { waitFor } from './wait-for.ts'

/** A proxy that PROXIES.md has a recipe for. */
export type ProxyKind = 'nginx' | 'haproxy'

/** A page of the package and what an operator fills in there. */
export interface Setup {
  /** Default: PROXIES.md. */
  readonly page?: 'PROXIES.md' | 'SPLIT.md'
  /** Addresses and ports as the page has them, and what they are now. */
  readonly put: readonly (readonly [string, string])[]
  /** For every timeout of a minute. Default 60. */
  readonly timeoutSeconds?: number
  /** Public path below which nginx serves; default `/`. */
  readonly prefix?: string
}

/** The text of a page. */
export function pageText(page: string): string {
  return readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8')
}

/** The recipe of a page: its first block in that language. */
function recipe(kind: ProxyKind, page: string): string {
  const block = new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(pageText(page))?.[1]
  if (block === undefined) throw new Error(`${page} has no recipe for ${kind}`)
  return block
}

/** A folder for the proxy's socket and files. The socket is what the proxy listens on. */
export function proxyFolder(t: TestContext): { readonly folder: string; readonly socket: string } {
  const folder = mkdtempSync(join(tmpdir(), 'cs-proxy-'))
  chmodSync(folder, 0o755)
  backwards(t).after(() => rmSync(folder, { recursive: true, force: true }))
  return { folder, socket: join(folder, 'proxy.sock') }
}

/** Starts a proxy with the recipe of the page. Only what an operator fills in is put in anew; TLS ends before the socket. */
export async function startProxy(
  t: TestContext,
  kind: ProxyKind,
  { folder, socket, ...setup }: Setup & { readonly folder: string; readonly socket: string },
): Promise<void> {
  const program = `/usr/sbin/${kind}`
  if (!existsSync(program)) throw new Error(`${program} is missing: apt-get install ${kind}`)
  const { file, args } =
    kind === 'nginx' ? nginxFiles(folder, socket, setup) : haproxyFiles(folder, socket, setup)
  const child = spawn(program, args(file), { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  backwards(t).after(() => stop(child))
  await waitFor(
    () => {
      if (child.exitCode !== null) throw new Error(`${kind} ended: ${output}`)
      return answers(socket)
    },
    { what: kind, withinMs: 30_000 },
  )
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

interface Files {
  readonly file: string
  readonly args: (file: string) => readonly string[]
}

function nginxFiles(folder: string, socket: string, setup: Setup): Files {
  const { prefix = '/', timeoutSeconds = 60, page = 'PROXIES.md' } = setup
  const site = put(recipe('nginx', page), [
    ['listen 443 ssl;', `listen unix:${socket};`],
    ['ssl_certificate     /etc/ssl/terminals.pem;', ''],
    ['ssl_certificate_key /etc/ssl/terminals.key;', ''],
    ...setup.put,
    ['read_timeout 60s', `read_timeout ${timeoutSeconds}s`],
    ['send_timeout 60s', `send_timeout ${timeoutSeconds}s`],
    ...(prefix === '/' ? [] : prefixRules(prefix)),
  ])
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  const file = join(folder, 'nginx.conf')
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  writeFileSync(
    file,
    `${user} daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr warn;\n` +
      `events { worker_connections 256; }\nhttp { access_log off; ${temporary.join(' ')}\n${site}}\n`,
  )
  return { file, args: (path) => ['-c', path, '-p', folder, '-e', 'stderr'] }
}

/** What the page says for a prefix, in its second block. */
function prefixRules(prefix: string): readonly (readonly [string, string])[] {
  const [, , block = ''] = pageText('PROXIES.md').split('```nginx\n')
  const [location = '', pass = ''] = block.split('\n').map((line) => line.trim())
  return [
    ['location / {', location.replace('/terminals/', prefix)],
    ['proxy_pass http://cliscale;', pass],
  ]
}

function haproxyFiles(folder: string, socket: string, setup: Setup): Files {
  const file = join(folder, 'haproxy.cfg')
  const timeout = `${setup.timeoutSeconds ?? 60}s`
  const text = put(recipe('haproxy', setup.page ?? 'PROXIES.md'), [
    ['bind :443 ssl crt /etc/haproxy/terminals.pem alpn http/1.1', `bind unix@${socket}`],
    ...setup.put,
    ['timeout client       60s', `timeout client ${timeout}`],
    ['timeout server       60s', `timeout server ${timeout}`],
    ['timeout tunnel       60s', `timeout tunnel ${timeout}`],
  ])
  writeFileSync(file, text)
  return { file, args: (path) => ['-db', '-q', '-f', path] }
}

/** Each replacement must find its text, or the recipe has changed and the test would run something else. */
function put(text: string, replacements: readonly (readonly [string, string])[]): string {
  let result = text
  for (const [from, to] of replacements) {
    if (!result.includes(from)) throw new Error(`the recipe does not say: ${from}`)
    result = result.replace(from, to)
  }
  return result
}

async function answers(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect({ path })
  socket.on('connect', () => resolve(true))
  socket.on('error', () => resolve(false))
  const answered = await promise
  socket.destroy()
  return answered
}
