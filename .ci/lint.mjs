// npm run lint [-- folder or file …]
import { install } from './lib/install.mjs'
import { checkLaws } from './lib/laws.mjs'
import { main, run } from './lib/run.mjs'

await main(async () => {
  await install()
  const paths = process.argv.slice(2)
  const code = await run('oxlint', ['--type-aware', '--deny-warnings', ...(paths.length > 0 ? paths : ['.'])])
  const broken = checkLaws(paths)
  for (const { file, line, message } of broken) console.error(`${file}:${line}: ${message}`)
  if (broken.length > 0) console.error(`${broken.length} broken laws`)
  return code === 0 && broken.length === 0 ? 0 : 1
})
