import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { at } from './root.mjs'
import { capture } from './run.mjs'

const fromRegistry = ['typescript', '@types/node', '@types/react', 'react', 'react-dom', '@xterm/xterm']

const compilers = [
  { module: 'NodeNext', moduleResolution: 'NodeNext' },
  { module: 'ESNext', moduleResolution: 'Bundler' },
]

/** Installs the tarballs in an empty folder, compiles against them and runs them. One sentence per failure. */
export async function checkInstalled(tarballs) {
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
    for (const file of ['types.tsx', 'imports.mjs', 'serve.mjs', 'session.mjs'])
      cpSync(at('.ci/consumer', file), join(folder, file))
    return await firstFailure(folder, [
      ['npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']],
      ...compilers.map(typecheck),
      ['node', ['imports.mjs']],
      ['npx', ['@cliscale/server', '--help']],
      ['node', ['serve.mjs']],
      ['npx', ['@cliscale/server', 'exec', '--', 'node', 'session.mjs']],
    ])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function firstFailure(folder, commands) {
  for (const [command, args] of commands) {
    const title = [command.replace(/^.*\//, ''), ...args.slice(0, 4)].join(' ')
    const { code, output } = await capture(command, args, { cwd: folder, env: { NODE_PATH: '' } })
    if (code !== 0) return [`${title} failed:\n${output}`]
    console.log(`  ${title}`)
  }
  return []
}

function typecheck({ module, moduleResolution }) {
  const flags = [
    '--strict',
    '--exactOptionalPropertyTypes',
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
    ['--module', module, '--moduleResolution', moduleResolution, ...flags, ...libraries, 'types.tsx'],
  ]
}

function versionOf(name) {
  return JSON.parse(readFileSync(at('node_modules', name, 'package.json'), 'utf8')).version
}
