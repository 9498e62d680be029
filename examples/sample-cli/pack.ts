import { createHash } from 'node:crypto'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { create } from 'tar'

const here = import.meta.dirname

/** A packed CLI: where it is, and the digest that a session names it by. */
export interface Bundle {
  readonly path: string
  readonly sha256: string
}

/**
 * Packs the sample CLI into one `.tgz` with `bin/sample-cli` in it. The same sources give the same bytes, so the digest
 * can be written down.
 */
export async function pack(): Promise<Bundle> {
  const folder = join(here, 'dist')
  const path = join(folder, 'sample-cli.tgz')
  await rm(folder, { recursive: true, force: true })
  await mkdir(join(folder, 'bin'), { recursive: true })
  await build({
    entryPoints: [join(here, 'src/main.ts')],
    outfile: join(folder, 'bin/sample-cli.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    logLevel: 'warning',
    banner: {
      js: "import { createRequire as _cr } from 'node:module'; const require = _cr(import.meta.url);",
    },
  })
  const launcher = '#!/bin/sh\nexec node "$(dirname "$0")/sample-cli.mjs" "$@"\n'
  await writeFile(join(folder, 'bin/sample-cli'), launcher)
  await chmod(join(folder, 'bin/sample-cli'), 0o755)
  const options = { cwd: folder, file: path, gzip: true, portable: true, mtime: new Date(0) }
  await create(options, ['bin/sample-cli', 'bin/sample-cli.mjs'])
  const sha256 = createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
  await writeFile(`${path}.sha256`, `${sha256}  sample-cli.tgz\n`)
  return { path, sha256 }
}

if (import.meta.main) {
  const { path, sha256 } = await pack()
  console.log(`${sha256}  ${path}`)
}
