// Publishes the packages whose version the registry does not have yet, and tags them. Does nothing while there are
// changesets: then the versions are not final.
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { pack } from './lib/pack.mjs'
import { filesIn, packages, readJson } from './lib/root.mjs'
import { capture, main, must } from './lib/run.mjs'

await main(async () => {
  const changesets = filesIn('.changeset').filter(
    (file) => file.endsWith('.md') && !file.endsWith('README.md'),
  )
  if (changesets.length > 0) {
    console.log(`Nothing is published while there are changesets: ${changesets.join(', ')}`)
    return
  }
  await install()
  await build()
  for (const name of packages) await publish(name)
})

async function publish(name) {
  const { name: full, version } = readJson('packages', name, 'package.json')
  const known = await capture('npm', ['view', `${full}@${version}`, 'version'])
  if (known.code === 0 && known.stdout.trim() === version) {
    console.log(`${full}@${version} is published already.`)
    return
  }
  await must('npm', ['publish', await pack(name), '--provenance', '--access', 'public'])
  await must('git', ['tag', `${full}@${version}`])
  await must('git', ['push', 'origin', `${full}@${version}`])
}
