// npm start [-- flags]: installs and builds what is missing, then becomes the server.
import { spawn } from 'node:child_process'
import { build } from './lib/build.mjs'
import { install, pinnedNode } from './lib/install.mjs'
import { at } from './lib/root.mjs'
import { environment, main } from './lib/run.mjs'

// A terminal sends Ctrl-C to every process of the group, so the server has it already.
const forwarded = ['SIGTERM', 'SIGHUP', ...(process.stdin.isTTY ? [] : ['SIGINT'])]

await main(async () => {
  await install()
  await build()
  const flags = process.argv.slice(2)
  const mode = flags.some((flag) => flag === '--mode' || flag.startsWith('--mode=')) ? [] : ['--mode=all']
  return serve([at('packages/server/dist/cli.js'), ...mode, ...flags])
})

function serve(args) {
  const server = spawn(pinnedNode(), args, { stdio: 'inherit', env: environment() })
  process.on('SIGINT', () => {})
  for (const signal of forwarded) process.on(signal, () => server.kill(signal))
  return new Promise((resolve, reject) => {
    server.on('error', reject)
    server.on('close', (code, signal) => resolve(code ?? (signal ? 1 : 0)))
  })
}
