// npm run bench -- NAME [flags]: runs packages/server/bench/NAME.ts on what is built now.
import { build } from './lib/build.mjs'
import { install, pinnedNode } from './lib/install.mjs'
import { at, filesIn } from './lib/root.mjs'
import { main, Refusal, run } from './lib/run.mjs'

await main(async () => {
  const [name, ...flags] = process.argv.slice(2)
  const names = filesIn('packages/server/bench')
    .filter((file) => /^packages\/server\/bench\/[a-z-]+\.ts$/.test(file))
    .map((file) => file.slice('packages/server/bench/'.length, -'.ts'.length))
  if (!names.includes(name)) throw new Refusal(`Say which bench to run: npm run bench -- ${names.join('|')}`)
  await install()
  await build()
  return run(pinnedNode(), [
    '--conditions=@cliscale/source',
    at('packages/server/bench', `${name}.ts`),
    ...flags,
  ])
})
