import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from './lock.mjs'
import { cache } from './root.mjs'
import { capture, Refusal } from './run.mjs'

/** https://schemathesis.readthedocs.io */
const release = '4.32.5'

/**
 * Path of the program, which pip brings once into a virtual environment below the cache. Null when it cannot be fetched and this
 * is no CI: a machine without network goes on without it.
 */
export async function ensureSchemathesis() {
  const folder = join(cache, 'schemathesis', release)
  const program = join(folder, 'bin', 'schemathesis')
  return withLock('schemathesis', async () => {
    if (existsSync(program)) return program
    console.log('Fetching schemathesis…')
    const problem = await fetchTo(folder)
    if (problem === null) return program
    rmSync(folder, { recursive: true, force: true })
    console.error(problem)
    if (process.env.CI)
      throw new Refusal(
        `schemathesis ${release} could not be fetched; CI needs Python 3 with venv, and PyPI.`,
      )
    return null
  })
}

/** A virtual environment knows its own path, so it is made in its place; the program is the last that pip puts there. */
async function fetchTo(folder) {
  mkdirSync(folder, { recursive: true })
  for (const [command, ...args] of [
    ['python3', '-m', 'venv', '--clear', folder],
    [join(folder, 'bin', 'python'), '-m', 'pip', 'install', '--quiet', `schemathesis==${release}`],
  ]) {
    const { code, output } = await capture(command, args).catch((error) => ({
      code: 1,
      output: error.message,
    }))
    if (code !== 0) return output.trim().split('\n').slice(-3).join('\n')
  }
  return null
}
