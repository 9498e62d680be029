import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { at } from './root.mjs'

const react = ['react', 'react-dom', 'react/jsx-runtime', '@xterm/xterm', '@cliscale/sdk']

/** What a browser loads, minified and compressed. `limit` is in bytes. */
const budgets = [
  // 2,400 of them find out and say why a connection failed, which browsers hide.
  { name: 'sdk, all of it', entry: 'packages/sdk/dist/index.js', external: [], limit: 22_700 },
  {
    name: 'react, without its peers and the player',
    entry: 'packages/react/dist/index.js',
    external: [...react, 'asciinema-player'],
    limit: 72_800,
  },
  // 2,100 of them are for the pages around it: late fonts, scales, zooms and other screens, containers without a height and such
  // as are moved; 400 for dim text that can be read; and some for emoji widths.
  {
    name: 'react, own code',
    entry: 'packages/react/dist/index.js',
    external: [...react, '@xterm/*', 'asciinema-player'],
    limit: 24_500,
  },
  {
    name: 'react, own code with the player',
    entry: 'packages/react/dist/index.js',
    external: [...react, '@xterm/*'],
    limit: 92_400,
  },
  {
    name: 'react, mount with everything in it',
    entry: 'packages/react/dist/mount/mount.js',
    external: [],
    limit: 250_000,
  },
]

/** Prints what each bundle weighs and returns one sentence per bundle over its limit. */
export async function checkSizes() {
  const problems = []
  for (const { name, entry, external, limit } of budgets) {
    const { outputFiles } = await build({
      entryPoints: [at(entry)],
      external,
      bundle: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      minify: true,
      write: false,
      outdir: at('.cache', 'sizes'),
      logLevel: 'error',
    })
    const bytes = outputFiles.reduce((sum, file) => sum + gzipSync(file.contents, { level: 9 }).length, 0)
    console.log(`  ${name}: ${bytes} of ${limit} bytes`)
    if (bytes > limit) problems.push(`${name} weighs ${bytes} bytes compressed; the limit is ${limit}.`)
  }
  return problems
}
