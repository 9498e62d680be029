// Lets Node import what its type stripping leaves out: TSX, and style sheets (as nothing). Gives fast-check the run's seed.
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

const SEEDED = new URL('seeded-fast-check.mjs', import.meta.url).href

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier === 'fast-check' && context.parentURL !== SEEDED) return { url: SEEDED, shortCircuit: true }
    return nextResolve(specifier, context)
  },
  load(url, context, nextLoad) {
    const path = url.split('?')[0]
    if (path.endsWith('.css')) return { format: 'module', source: '', shortCircuit: true }
    if (path.endsWith('.tsx')) return { format: 'module', source: transform(path), shortCircuit: true }
    return nextLoad(url, context)
  },
})

let esbuild
function transform(url) {
  esbuild ??= process.getBuiltinModule('node:module').createRequire(import.meta.url)('esbuild')
  const sourcefile = fileURLToPath(url)
  const options = { loader: 'tsx', jsx: 'automatic', format: 'esm', target: 'node24', sourcefile }
  return esbuild.transformSync(readFileSync(sourcefile, 'utf8'), { ...options, sourcemap: 'inline' }).code
}
