import { defineConfig } from 'tsup'

/** One file that starts fast: everything but the native addon is bundled. */
export default defineConfig({
  entry: ['src/main.ts'],
  format: 'esm',
  platform: 'node',
  target: 'node24',
  dts: true,
  sourcemap: true,
  clean: true,
  noExternal: [/^(?!@lydell\/node-pty)/],
  external: [/^@lydell\/node-pty/],
  banner: {
    js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
  },
})
