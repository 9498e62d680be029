import { defineConfig, type Options } from 'tsup'

/**
 * `ws` holds a client beside its server, and compression beside both. The runner uses neither, and the modules of Node
 * that they load cost an idle runner 3 MB.
 */
const leanWebSockets: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'lean-websockets',
  setup(build) {
    build.onResolve({ filter: /^(?:https|tls|zlib)$/ }, ({ path, importer }) =>
      /[\\/]node_modules[\\/]ws[\\/]/.test(importer) ? { path, namespace: 'unused' } : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {}' }))
  },
}

/** Programs that start fast: everything but the native addon is bundled. */
export default defineConfig({
  entry: { main: 'src/main.ts', 'unpack-program': 'src/bundle/unpack-program.ts' },
  format: 'esm',
  platform: 'node',
  target: 'node24',
  dts: { entry: { main: 'src/main.ts' } },
  sourcemap: true,
  // Tells what is in them; the notices of the packed package are made from it.
  metafile: true,
  clean: true,
  // The text of a module stays in memory beside its code. Names stay, so that a stack trace can be read.
  esbuildOptions: (options) => {
    options.minifyWhitespace = true
    options.minifySyntax = true
  },
  noExternal: [/^(?!@lydell\/node-pty)/],
  external: [/^@lydell\/node-pty/],
  esbuildPlugins: [leanWebSockets],
  banner: {
    js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
  },
})
