import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from './lock.mjs'
import { at, cache, filesIn } from './root.mjs'
import { must, run, Refusal } from './run.mjs'

const shared = ['package-lock.json', 'tsconfig.base.json', '.ci/lib/build.mjs']

/**
 * What is built, in order. `inputs` are folders or files; a step is repeated only when one of them, or a step it
 * follows, changed. `proof` is a file that the step leaves behind.
 */
const steps = [
  {
    name: 'sdk',
    inputs: [
      'packages/sdk/src',
      'packages/sdk/package.json',
      'packages/sdk/tsup.config.ts',
      'packages/sdk/tsconfig.json',
    ],
    follows: [],
    proof: 'packages/sdk/dist/index.js',
    build: () => tsup('sdk'),
  },
  {
    name: 'react',
    inputs: [
      'packages/react/src',
      'packages/react/package.json',
      'packages/react/tsup.config.ts',
      'packages/react/tsconfig.json',
    ],
    follows: ['sdk'],
    proof: 'packages/react/dist/index.js',
    build: () => tsup('react'),
  },
  {
    name: 'runner',
    inputs: [
      'packages/runner/src',
      'packages/runner/package.json',
      'packages/runner/tsup.config.ts',
      'packages/runner/tsconfig.json',
    ],
    follows: ['sdk'],
    proof: 'packages/runner/dist/main.js',
    build: () => tsup('runner'),
  },
  {
    name: 'server',
    inputs: [
      'packages/server/src',
      'packages/server/package.json',
      'packages/server/tsup.config.ts',
      'packages/server/tsconfig.json',
    ],
    follows: ['sdk'],
    proof: 'packages/server/dist/cli.js',
    build: () => tsup('server'),
  },
  {
    name: 'console',
    inputs: ['packages/server/console'],
    follows: ['sdk', 'react'],
    proof: 'packages/server/dist/console/index.html',
    build: () =>
      must('vite', ['build', '--logLevel', 'warn', '--outDir', '../dist/console', '--emptyOutDir'], {
        cwd: at('packages/server/console'),
      }),
  },
]

async function tsup(name) {
  const code = await run('tsup', ['--silent'], { cwd: at('packages', name) })
  if (code !== 0) throw new Refusal(`Building @cliscale/${name} failed.`)
}

/** Builds whatever is missing or older than its sources, or only the named steps and those before them. */
export async function build(names = steps.map((step) => step.name)) {
  const wanted = closure(names)
  if (stale(wanted).length === 0) return
  await withLock('build', async () => {
    for (const step of stale(wanted)) {
      if (!existsSync(at(step.inputs[0])))
        throw new Refusal(`${step.inputs[0]} does not exist, so ${step.name} cannot be built.`)
      const before = fingerprint(step)
      const started = performance.now()
      await step.build()
      mkdirSync(join(cache, 'build'), { recursive: true })
      writeFileSync(stampOf(step), before)
      console.log(`Built ${step.name} in ${((performance.now() - started) / 1000).toFixed(1)} s`)
    }
  })
}

function closure(names) {
  const wanted = new Set()
  const add = (name) => {
    const step = steps.find((candidate) => candidate.name === name)
    if (!step) throw new Refusal(`There is nothing called ${name} to build.`)
    step.follows.forEach(add)
    wanted.add(step)
  }
  names.forEach(add)
  return steps.filter((step) => wanted.has(step))
}

const stampOf = (step) => join(cache, 'build', step.name)

function stale(wanted) {
  return wanted.filter((step) => !existsSync(at(step.proof)) || readStamp(step) !== fingerprint(step))
}

function readStamp(step) {
  return existsSync(stampOf(step)) ? readFileSync(stampOf(step), 'utf8') : ''
}

function fingerprint(step) {
  const hash = createHash('sha256')
  for (const before of step.follows) hash.update(fingerprint(steps.find((other) => other.name === before)))
  for (const input of [...shared, ...step.inputs]) {
    for (const file of isFile(input) ? [input] : filesIn(input)) {
      hash
        .update(file)
        .update('\0')
        .update(readFileSync(at(file)))
        .update('\0')
    }
  }
  return hash.digest('hex')
}

function isFile(path) {
  return existsSync(at(path)) && /\.[a-z]+$/.test(path)
}
