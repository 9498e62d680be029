// Loads all that a runner may load, so that Node keeps it compiled.
import { at, filesIn } from './root.mjs'

/** A program for each bundle, which sees nothing but the bundle. */
const APART = 'packages/runner/src/bundle/unpack-program.ts'

process.argv.splice(2, Infinity, '--help')
for (const file of filesIn('packages/runner/src')) {
  if (file.endsWith('.ts') && file !== APART) await import(at(file))
}
