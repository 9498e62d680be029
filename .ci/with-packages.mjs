// node .ci/with-packages.mjs [script [argument …]]: installs what is missing, then runs .ci/<script>.mjs. A script that
// imports installed packages cannot install them itself: Node looks for all imports before it runs a line.
import { install } from './lib/install.mjs'
import { main } from './lib/run.mjs'

const [script] = process.argv.splice(2, 1)
await main(async () => {
  await install()
  return 0
})
if (script !== undefined && !process.exitCode) await import(`./${script}.mjs`)
