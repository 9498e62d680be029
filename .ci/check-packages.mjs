// npm run check:packages [-- --update]: packs the packages and checks them as a stranger would get them.
import { checkApiReports } from './lib/api-report.mjs'
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { checkInstalled } from './lib/installed.mjs'
import { pack } from './lib/pack.mjs'
import { lintPackage } from './lib/package-lint.mjs'
import { packages } from './lib/root.mjs'
import { main } from './lib/run.mjs'
import { checkSizes } from './lib/sizes.mjs'

await main(async () => {
  await install()
  await build()
  const problems = []
  const section = async (title, check) => {
    console.log(title)
    const found = await check()
    for (const problem of found) console.error(`  ${problem}`)
    problems.push(...found)
  }
  const tarballs = {}
  for (const name of packages) tarballs[name] = await pack(name)
  for (const name of packages) await section(`Package ${name}`, () => lintPackage(name, tarballs[name]))
  await section('Sizes', checkSizes)
  await section('API reports', () => checkApiReports({ update: process.argv.includes('--update') }))
  await section('Installed in an empty project', () => checkInstalled(tarballs))
  console.log(problems.length === 0 ? 'All packages are in order.' : `${problems.length} problems`)
  return problems.length === 0 ? 0 : 1
})
