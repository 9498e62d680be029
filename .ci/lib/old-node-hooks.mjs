import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'

/** Compiles TypeScript for the Node that runs; leaves everything else alone. */
export async function load(url, context, nextLoad) {
  if (!/\.ts(\?.*)?$/.test(url)) return nextLoad(url, context)
  const sourcefile = fileURLToPath(url)
  const options = { loader: 'ts', format: 'esm', target: `node${process.versions.node}`, sourcemap: 'inline' }
  const { code } = await transform(await readFile(sourcefile, 'utf8'), { ...options, sourcefile })
  return { format: 'module', source: code, shortCircuit: true }
}
