import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Files of a page, by the path under which they are served. */
export type PageFiles = Readonly<
  Record<string, { readonly type: string; readonly body: string | Uint8Array }>
>

const TYPES: Readonly<Record<string, string>> = { js: 'text/javascript', css: 'text/css' }

let built: Promise<PageFiles> | undefined

/**
 * Bundles the page of the tests from source, once per process, as React's development build: only that has a StrictMode.
 * `reactFolder`: where another React is installed.
 */
export function buildPage(reactFolder?: string): Promise<PageFiles> {
  if (reactFolder !== undefined) return bundle(reactFolder)
  built ??= bundle()
  return built
}

/** Bundles another page, of a file in `pages/`. */
export function buildPageOf(entry: string): Promise<PageFiles> {
  return bundle(undefined, entry)
}

async function bundle(reactFolder?: string, entry = 'app.tsx'): Promise<PageFiles> {
  const name = entry.slice(0, entry.lastIndexOf('.'))
  const modules = reactFolder === undefined ? undefined : `${reactFolder}/node_modules`
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../pages/${entry}`, import.meta.url))],
    bundle: true,
    write: false,
    outdir: '/',
    format: 'esm',
    splitting: true,
    target: 'es2022',
    jsx: 'automatic',
    ...(modules === undefined
      ? {}
      : { alias: { react: `${modules}/react`, 'react-dom': `${modules}/react-dom` } }),
    conditions: ['@cliscale/source', 'browser'],
    mainFields: ['browser', 'module', 'main'],
    define: { 'process.env.NODE_ENV': '"development"' },
    logLevel: 'warning',
  })
  const html =
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Test</title><link rel="icon" href="data:,">' +
    `<link rel="stylesheet" href="/${name}.css"><script type="module" src="/${name}.js"></script></head>` +
    '<body><div id="root"></div></body></html>'
  const files = outputFiles.map(({ path, contents }) => {
    const type = TYPES[path.slice(path.lastIndexOf('.') + 1)] ?? 'application/octet-stream'
    return [path, { type, body: contents }] as const
  })
  return { '/': { type: 'text/html', body: html }, ...Object.fromEntries(files) }
}
