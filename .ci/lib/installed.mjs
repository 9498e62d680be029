import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { at, cache } from './root.mjs'
import { capture } from './run.mjs'
import { sideInstall } from './side-install.mjs'

const fromRegistry = ['typescript', '@types/node', '@types/react', 'react', 'react-dom', '@xterm/xterm']

const NODE_NEXT = { module: 'NodeNext', moduleResolution: 'NodeNext' }
const BUNDLER = { module: 'ESNext', moduleResolution: 'Bundler' }

const SESSION = ['exec', '--', 'node', 'session.mjs']

/** Installs the tarballs in empty folders, compiles against them and runs them. One sentence per failure. */
export async function checkInstalled(tarballs) {
  return [...(await withNpm(tarballs)), ...(await withPnpm(tarballs))]
}

function withNpm(tarballs) {
  return inFolder(tarballs, (folder) =>
    firstFailure(folder, [
      ['npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']],
      typecheck(NODE_NEXT, 'types.tsx'),
      typecheck(BUNDLER, 'types.tsx'),
      typecheck(NODE_NEXT, 'types.cts'),
      ['node', ['imports.mjs']],
      ['node', ['require.cjs']],
      ['npx', ['@cliscale/server', '--help']],
      ['node', ['serve.mjs']],
      ['npx', ['@cliscale/server', ...SESSION]],
    ]),
  )
}

/** Its folders have for each package what that package names, and nothing that another one brought. */
async function withPnpm(tarballs) {
  const program = `@pnpm/exe.${process.platform}-${process.arch}`
  const pnpm = join(await sideInstall('pnpm', 'pnpm'), 'node_modules', program, 'pnpm')
  return inFolder(tarballs, (folder) => {
    // The packages name each other by version, and no registry has these versions yet.
    const overrides = Object.entries(tarballs).map(
      ([name, path]) => `  '@cliscale/${name}': 'file:${path}'\n`,
    )
    writeFileSync(join(folder, 'pnpm-workspace.yaml'), `overrides:\n${overrides.join('')}`)
    return firstFailure(folder, [
      [pnpm, ['install', '--prefer-offline', '--ignore-scripts', `--store-dir=${join(cache, 'pnpm-store')}`]],
      typecheck(BUNDLER, 'types.tsx'),
      ['node', ['imports.mjs']],
      ['node', ['require.cjs']],
      [join('node_modules', '.bin', 'cliscale-server'), SESSION],
    ])
  })
}

/** Makes an empty project that depends on the tarballs, works in it, and removes it. */
async function inFolder(tarballs, work) {
  const folder = mkdtempSync(join(tmpdir(), 'cliscale-installed-'))
  chmodSync(folder, 0o755) // Started by root, the database runs as another user, who must be able to enter.
  try {
    const dependencies = Object.fromEntries(fromRegistry.map((name) => [name, versionOf(name)]))
    for (const [name, tarball] of Object.entries(tarballs))
      dependencies[`@cliscale/${name}`] = `file:${tarball}`
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ private: true, type: 'module', dependencies }),
    )
    for (const file of ['types.tsx', 'types.cts', 'imports.mjs', 'require.cjs', 'serve.mjs', 'session.mjs'])
      cpSync(at('.ci/consumer', file), join(folder, file))
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function firstFailure(folder, commands) {
  for (const [command, args] of commands) {
    const title = [command.replace(/^.*\//, ''), ...args.slice(0, 4), ...args.slice(4).slice(-1)].join(' ')
    const { code, output } = await capture(command, args, { cwd: folder, env: { NODE_PATH: '' } })
    if (code !== 0) return [`${title} failed:\n${output}`]
    console.log(`  ${title}`)
  }
  return []
}

function typecheck({ module, moduleResolution }, file) {
  const flags = [
    '--strict',
    '--exactOptionalPropertyTypes',
    '--noUncheckedSideEffectImports',
    '--noEmit',
    '--jsx',
    'react-jsx',
    '--target',
    'ES2022',
  ]
  const libraries = [
    '--lib',
    'ES2023,ESNext.Disposable,DOM,DOM.Iterable,DOM.AsyncIterable',
    '--types',
    'node',
  ]
  return [
    join('node_modules', '.bin', 'tsc'),
    ['--module', module, '--moduleResolution', moduleResolution, ...flags, ...libraries, file],
  ]
}

function versionOf(name) {
  return JSON.parse(readFileSync(at('node_modules', name, 'package.json'), 'utf8')).version
}
