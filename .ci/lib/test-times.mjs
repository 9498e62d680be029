import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { cache, root } from './root.mjs'

/** How long test files took when they last ran here. */
const path = join(cache, 'test-times.json')

/** Files that are listed as the slowest. */
const SLOWEST = 10

/** Milliseconds by file, of earlier runs on this machine; empty at first. */
export function knownTimes() {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return {}
  }
}

/** Keeps the times of a run. */
export function rememberTimes(files) {
  const times = Object.fromEntries(files.map(({ file, ms }) => [relative(root, file), ms]))
  writeFileSync(path, JSON.stringify({ ...knownTimes(), ...times }))
}

/** Prints which files took longest. */
export function tellSlowest(files) {
  const slowest = files.toSorted((a, b) => b.ms - a.ms).slice(0, SLOWEST)
  if (slowest.length < SLOWEST) return
  console.log('Slowest files:')
  for (const { file, ms, tests } of slowest)
    console.log(
      `${(ms / 1_000).toFixed(1).padStart(7)} s ${String(tests).padStart(4)} tests  ${relative(root, file)}`,
    )
}

/** Prints again what files with a failure printed: servers of tests tell their log when the test fails. */
export function tellFailures(files) {
  for (const { file, log } of files.filter(({ failed }) => failed > 0)) {
    if (log.trim() !== '') console.log(`--- what ${relative(root, file)} printed\n${log.trimEnd()}\n---`)
  }
}
