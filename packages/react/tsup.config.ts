import { copyFile, writeFile } from 'node:fs/promises'
import { build } from 'esbuild'
import { defineConfig } from 'tsup'

/** The rules of others that the file includes keep their notices. */
const NOTICES = `/*!
 * Includes rules of css/xterm.css of @xterm/xterm (MIT license):
 * Copyright (c) 2014 The xterm.js authors. All rights reserved.
 * Copyright (c) 2012-2013, Christopher Jeffrey (MIT License)
 * https://github.com/chjj/term.js
 *
 * Includes dist/bundle/asciinema-player.css of asciinema-player (Apache-2.0 license):
 * Copyright 2011 Marcin Kulik
 * https://github.com/asciinema/asciinema-player
 */`

/** With xterm's own rules in it: one file that also works without a bundler. */
async function bundleStyles(): Promise<void> {
  await build({
    banner: { css: NOTICES },
    entryPoints: ['src/styles.css'],
    bundle: true,
    outfile: 'dist/styles.css',
    logLevel: 'warning',
  })
}

/** A folder that a page can load from as it is: all that is imported is in it, xterm in a part that comes later. */
async function bundleMount(): Promise<void> {
  const { metafile } = await build({
    entryPoints: { mount: 'src/mount.tsx' },
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    outdir: 'dist/mount',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    metafile: true,
    logLevel: 'warning',
  })
  // Tells what is in it; the notices of the packed package are made from it.
  await writeFile('dist/metafile-mount.json', JSON.stringify(metafile))
  await copyFile('dist/styles.css', 'dist/mount/mount.css')
}

export default defineConfig({
  entry: ['src/index.ts'],
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  dts: { entry: { index: 'src/index.ts', mount: 'src/mount.tsx', styles: 'src/styles.ts' } },
  sourcemap: true,
  clean: true,
  banner: { js: "'use client'" },
  async onSuccess() {
    await bundleStyles()
    await bundleMount()
  },
})
