// npm run typecheck [-- sdk|protocol|react|runner|server|console|examples …]: checks again what changed since the last time.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { install } from './lib/install.mjs'
import { projects } from './lib/projects.mjs'
import { at, cache, filesIn } from './lib/root.mjs'
import { capture, main, Refusal } from './lib/run.mjs'

await main(async () => {
  await install()
  const chosen = process.argv.slice(2)
  const unknown = chosen.find((name) => !(name in projects))
  if (unknown) throw new Refusal(`No project ${unknown}; there are ${Object.keys(projects).join(', ')}.`)
  const queue = (chosen.length > 0 ? chosen : Object.keys(projects)).filter(hasSources)
  let failed = 0
  const work = async () => {
    for (let name = queue.shift(); name; name = queue.shift()) if (!(await check(name))) failed += 1
  }
  await Promise.all([work(), work()])
  return failed === 0 ? 0 : 1
})

function hasSources(name) {
  if (!existsSync(at(projects[name]))) throw new Refusal(`${projects[name]} is missing.`)
  if (
    filesIn(dirname(projects[name])).some(
      (file) => /\.tsx?$/.test(file) && !file.endsWith('.config.ts') && !file.endsWith('.d.ts'),
    )
  )
    return true
  console.log(`${name}: no sources`)
  return false
}

async function check(name) {
  const started = performance.now()
  const { code, output } = await capture('tsc', [
    '--project',
    projects[name],
    '--pretty',
    'false',
    '--incremental',
    '--tsBuildInfoFile',
    join(cache, 'types', `${name}.tsbuildinfo`),
  ])
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${name}: ${code === 0 ? 'ok' : 'FAILED'} (${seconds} s)`)
  if (code !== 0) console.log(output.trim())
  return code === 0
}
