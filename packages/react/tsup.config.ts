import { build } from 'esbuild'
import { defineConfig } from 'tsup'

/** The rules of others that the file includes keep their notices. */
const NOTICES = `/*!
 * Includes css/xterm.css of @xterm/xterm (MIT license):
 * Copyright (c) 2014 The xterm.js authors. All rights reserved.
 * Copyright (c) 2012-2013, Christopher Jeffrey (MIT License)
 * https://github.com/chjj/term.js
 *
 * Includes dist/bundle/asciinema-player.css of asciinema-player (Apache-2.0 license):
 * Copyright 2011 Marcin Kulik
 * https://github.com/asciinema/asciinema-player
 */`

export default defineConfig({
  entry: ['src/index.ts'],
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  dts: true,
  sourcemap: true,
  clean: true,
  banner: { js: "'use client'" },
  async onSuccess() {
    // With xterm's own rules in it: one file that also works without a bundler.
    await build({
      banner: { css: NOTICES },
      entryPoints: ['src/styles.css'],
      bundle: true,
      outfile: 'dist/styles.css',
      logLevel: 'warning',
    })
  },
})
