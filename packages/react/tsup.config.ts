import { copyFile } from 'node:fs/promises'
import { defineConfig } from 'tsup'

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
    await copyFile('src/styles.css', 'dist/styles.css')
  },
})
