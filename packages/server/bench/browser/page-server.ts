import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Session } from '@cliscale/sdk'
import { build } from 'esbuild'

/** The server of an app: its page, and tokens for the session that it shows. */
export interface PageServer {
  readonly origin: string
  /** Whose tokens are given out from now on. */
  show(session: Session): void
  stop(): Promise<void>
}

const HTML =
  '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Bench</title><link rel="icon" href="data:,">' +
  '<link rel="stylesheet" href="/page.css"><script type="module" src="/page.js"></script></head>' +
  '<body><div id="root"></div></body></html>'

const TYPES: Readonly<Record<string, string>> = { js: 'text/javascript', css: 'text/css' }

/** Bundles the page as an app would ship it, minified and with React's production build, and serves it. */
export async function startPageServer(): Promise<PageServer> {
  const { outputFiles } = await build({
    entryPoints: [
      fileURLToPath(new URL('page.tsx', import.meta.url)),
      fileURLToPath(new URL('page.css', import.meta.url)),
    ],
    bundle: true,
    write: false,
    minify: true,
    keepNames: true,
    outdir: '/',
    format: 'esm',
    splitting: true,
    target: 'es2022',
    jsx: 'automatic',
    conditions: ['@cliscale/source', 'browser'],
    mainFields: ['browser', 'module', 'main'],
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'warning',
  })
  const files = new Map(outputFiles.map(({ path, contents }) => [path, contents]))
  let shown: Session | undefined
  const server = createServer((request, response) => {
    const path = request.url ?? '/'
    const file = files.get(path)
    if (path.startsWith('/?')) response.setHeader('content-type', 'text/html').end(HTML)
    else if (file !== undefined)
      response
        .setHeader('content-type', TYPES[path.slice(path.lastIndexOf('.') + 1)] ?? 'text/plain')
        .end(file)
    else if (path === '/token' && shown !== undefined)
      shown.createToken().then(
        (access) => response.setHeader('content-type', 'application/json').end(JSON.stringify(access)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    show: (session) => {
      shown = session
    },
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
