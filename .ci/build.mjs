// npm run build [-- sdk|react|runner|server|console …]: builds what is missing or out of date.
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { main } from './lib/run.mjs'

await main(async () => {
  await install()
  const names = process.argv.slice(2)
  await build(names.length > 0 ? names : undefined)
})
