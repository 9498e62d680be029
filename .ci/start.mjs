// npm start [-- flags]: installs and builds what is missing, then becomes the server. The script begins with `exec`: npm
// passes its own signals on to the shell that it starts, and a shell that waits for us would keep them.
import { spawn } from 'node:child_process'
import { build } from './lib/build.mjs'
import { install, pinnedNode } from './lib/install.mjs'
import { at } from './lib/root.mjs'
import { environment, main } from './lib/run.mjs'

// A terminal sends Ctrl-C to every process of the group, so the server has it already.
const forwarded = ['SIGTERM', 'SIGHUP', ...(process.stdin.isTTY ? [] : ['SIGINT'])]

// How often to look whether npm still lives.
const LOOK_EVERY_MS = 250

await main(async () => {
  await install()
  await build()
  const flags = process.argv.slice(2)
  const mode = flags.some((flag) => flag === '--mode' || flag.startsWith('--mode=')) ? [] : ['--mode=all']
  return serve([at('packages/server/dist/cli.js'), ...mode, ...flags])
})

/** An npm that is killed passes nothing on. Its end counts as that of the terminal, which a server under nohup outlives. */
function whenNpmEnds(act) {
  if (process.env.npm_lifecycle_event === undefined) return
  const npm = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === npm) return
    clearInterval(timer)
    act()
  }, LOOK_EVERY_MS)
  timer.unref()
}

function serve(args) {
  const server = spawn(pinnedNode(), args, { stdio: 'inherit', env: environment() })
  process.on('SIGINT', () => {})
  for (const signal of forwarded) process.on(signal, () => server.kill(signal))
  whenNpmEnds(() => server.kill('SIGHUP'))
  return new Promise((resolve, reject) => {
    server.on('error', reject)
    server.on('close', (code, signal) => resolve(code ?? (signal ? 1 : 0)))
  })
}
