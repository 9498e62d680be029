// npm run test:cgroup-v2: the tests of what bounds a session, on a kernel that has control groups of version 2 only.
//
// Most machines have one version, and tests cannot change that. User Mode Linux is a kernel that runs as a process: it sees
// this machine's files read-only, and has control groups, processes and a loopback network of its own. It is slow, about six
// minutes for what takes 20 s here, so this is no part of npm test.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './lib/build.mjs'
import { installDebian } from './lib/debian.mjs'
import { install, pinnedNode } from './lib/install.mjs'
import { main, Refusal } from './lib/run.mjs'
import { sourceFlags } from './lib/tests.mjs'

const KERNEL = '/usr/bin/linux.uml'
const FILES = ['packages/server/test/drivers/bound-sessions.test.ts']
const DEADLINE_MS = 15 * 60_000

await main(async () => {
  await install()
  await build()
  await ensureKernel()
  const args = [...sourceFlags, '--test', '--test-concurrency=1', '--test-timeout=240000', ...FILES]
  const checkout = process.cwd()
  const output = await boot({
    init: join(checkout, '.ci/lib/second-kernel.sh'),
    CHECKOUT: checkout,
    NODE: pinnedNode(),
    ARGUMENTS: args.join(','),
  })
  return output.includes('The tests ended with 0.') ? 0 : 1
})

async function ensureKernel() {
  if (existsSync(KERNEL)) return
  const problem = await installDebian('user-mode-linux')
  if (problem === undefined && existsSync(KERNEL)) return
  throw new Refusal(
    `This needs User Mode Linux at ${KERNEL} (Debian: apt-get install user-mode-linux); ${problem}.`,
  )
}

/** Runs it to its end and resolves to what it printed. */
async function boot(settings) {
  const fixed = ['mem=2000M', 'root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro', 'quiet', 'con=null']
  const own = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  const child = spawn(KERNEL, [...fixed, 'con0=fd:0,fd:1', ...own], { stdio: ['ignore', 'pipe', 'inherit'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS)
  let output = ''
  for await (const chunk of child.stdout) {
    output += chunk
    process.stdout.write(chunk)
  }
  clearTimeout(timer)
  return output
}
