import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const SEEDED = new URL('seeded-fast-check.mjs', import.meta.url).href

/** Where what was compiled is kept, for the next process. */
const KEPT = new URL('../../.cache/old-node/', import.meta.url)

/** Gives fast-check the run's seed. */
export async function resolve(specifier, context, nextResolve) {
  if (specifier === 'fast-check' && context.parentURL !== SEEDED) return { url: SEEDED, shortCircuit: true }
  return nextResolve(specifier, context)
}

/** Compiles TypeScript for the Node that runs; leaves everything else alone. */
export async function load(url, context, nextLoad) {
  if (!/\.ts(\?.*)?$/.test(url)) return nextLoad(url, context)
  const text = await readFile(fileURLToPath(url), 'utf8')
  return { format: 'module', source: await compiled(fileURLToPath(url), text), shortCircuit: true }
}

async function compiled(sourcefile, text) {
  const target = `node${process.versions.node}`
  const digest = createHash('sha256').update(`${target}\0${sourcefile}\0${text}`).digest('hex')
  const path = new URL(`${digest}.mjs`, KEPT)
  const known = await readFile(path, 'utf8').catch(() => undefined)
  if (known !== undefined) return known
  const { transform } = await import('esbuild')
  const options = { loader: 'ts', format: 'esm', target, sourcemap: 'inline', sourcefile }
  const { code } = await transform(text, options)
  await mkdir(KEPT, { recursive: true })
  const part = new URL(`${digest}.${process.pid}`, KEPT)
  await writeFile(part, code)
  await rename(part, path)
  return code
}
