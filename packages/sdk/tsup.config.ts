import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { index: 'src/index.ts', errors: 'src/errors.ts', 'protocol/index': 'src/protocol/index.ts' },
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  dts: true,
  sourcemap: true,
  clean: true,
  splitting: true,
  treeshake: true,
})
