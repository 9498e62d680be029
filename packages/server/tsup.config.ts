import { defineConfig } from 'tsup'

export default defineConfig({
  entry: ['src/cli.ts', 'src/index.ts'],
  format: 'esm',
  platform: 'node',
  target: 'node24',
  dts: { entry: 'src/index.ts' },
  sourcemap: true,
  clean: ['dist/*', '!dist/console'],
  splitting: true,
})
