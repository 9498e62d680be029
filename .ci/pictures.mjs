// npm run pictures: takes the README's pictures of the console anew, dark and light, from what is built now.
import { ensureBrowser } from './lib/browser.mjs'
import { build } from './lib/build.mjs'
import { install, pinnedNode } from './lib/install.mjs'
import { at } from './lib/root.mjs'
import { main, run } from './lib/run.mjs'

await main(async () => {
  await install()
  await build()
  const program = at('packages/server/test/support/take-pictures.ts')
  return run(pinnedNode(), ['--conditions=@cliscale/source', program, at('.github')], {
    env: { CHROMIUM_PATH: await ensureBrowser() },
  })
})
