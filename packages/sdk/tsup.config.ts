import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { index: 'src/index.ts', errors: 'src/errors.ts', 'protocol/index': 'src/protocol/index.ts' },
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  // `await using` is in the types; a program whose `lib` ends before ESNext would not know its names.
  dts: { banner: '/// <reference lib="esnext.disposable" />' },
  sourcemap: true,
  clean: true,
  splitting: true,
  treeshake: true,
})
