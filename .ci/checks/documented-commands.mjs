// Types every command that a README tells a user to type, in a clean clone: one rule for each kind of command, and a
// command without a rule fails.
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { at, foldersIn, packages, root } from '../lib/root.mjs'
import { main } from '../lib/run.mjs'

const DEADLINE_MS = 300_000
const work = mkdtempSync(join(tmpdir(), 'cliscale-docs-'))
// As a folder of a newcomer's is: users of sessions may pass it.
chmodSync(work, 0o755)

/** The one run of `npm run check`, which two documents name. */
let checked
let clone = null

/** The environment of somebody who has just arrived: no tool of this repository on the PATH, own home, any ports. */
const newcomer = {
  ...process.env,
  PATH: process.env.PATH.split(':')
    .filter((folder) => !folder.startsWith(root))
    .join(':'),
  HOME: work,
  XDG_DATA_HOME: '',
  CLISCALE_PORT: '0',
  CLISCALE_INTERNAL_PORT: '0',
  CLISCALE_LOG_FORMAT: 'pretty',
}
for (const name of Object.keys(newcomer)) if (/^npm_/i.test(name)) delete newcomer[name]
// What this run has fetched already comes from its cache.
newcomer.npm_config_cache = process.env.npm_config_cache ?? join(homedir(), '.npm')
newcomer.npm_config_prefer_offline = 'true'

/** Benchmarks are typed with these flags as well, so that they take seconds. */
const SMALL = {
  start: '--rounds=1',
  idle: '--sessions=6',
  gateway: '--quick --rounds=1 --scenarios=throughput --peers=cliscale,direct',
  resume: '--quick --terminals=40 --real=4',
  browser: '--megabytes=2 --renderer=dom',
}

/** Each rule: which commands, and what shows that one works. First match counts. */
const rules = [
  [/^git clone \S+ ?\S*$/, cloneRepository],
  [/^cd \S+$/, (command) => existsSync(join(work, command.slice(3))) || fail('there is no such folder')],
  [/^npm ci$/, (command) => until(command, { code: 0 })],
  [/^npm start$/, () => until(inTerminal('npm start'), { says: /http:\/\/\S+#code=\S+/, open: true })],
  [
    /^npm start --workspace @cliscale-examples\/(react-vite|plain-page)$/,
    (command) => until(command, { says: /Open (http:\/\/\S+)/, open: true }),
  ],
  [
    /^npm start --workspace @cliscale-examples\/node-quickstart$/,
    (command) => until(command, { code: 0, says: /exit code 7/ }),
  ],
  [
    /^npm start --workspace @cliscale-examples\/fastify-embed$/,
    (command) => until(command, { code: 0, says: /exit code 0/ }),
  ],
  [
    /^npm start --workspace @cliscale-examples\/sample-cli$/,
    (command) => until(command, { code: 0, says: /all digests match/ }),
  ],
  [
    // By the repository's own Node: this machine's may be older than the server takes.
    /^(npx )?cliscale-server .+$/,
    (command) =>
      until(
        command.replace(
          /^(npx )?cliscale-server/,
          'node_modules/.bin/node packages/server/bin/cliscale-server.js',
        ),
        { code: 0 },
      ),
  ],
  [
    /^npm run bench -- (start|idle|gateway|resume|browser)$/,
    (command) => until(`${command} ${SMALL[command.split(' ').at(-1)]}`, { code: 0 }),
  ],
  [
    /^cliscale-runner .+$/,
    (command) =>
      until(command.replace('cliscale-runner', 'node_modules/.bin/node packages/runner/dist/main.js'), {
        code: 0,
      }),
  ],
  [/^npm run check( -- --since=HEAD)?$/, checksNothing],
  [/^(npm (test|ci)|npm run \S+|bash \.ci\/run)( .*)?$/, runsInCi],
  [/^npm install (@cliscale\/\S+ ?|[@\w/-]+ ?)+$|^npx @cliscale\/server$/, installedFromTarballs],
]

await main(async () => {
  const documents = [
    'README.md',
    'CONTRIBUTING.md',
    ...packages.map((name) => `packages/${name}/README.md`),
    ...foldersIn('examples').map((name) => `examples/${name}/README.md`),
  ]
  let commands = 0
  const problems = []
  try {
    for (const document of documents) {
      for (const command of commandsOf(document)) {
        commands += 1
        const started = performance.now()
        try {
          const [, check] =
            rules.find(([pattern]) => pattern.test(command)) ?? fail('no rule says how to check it')
          await check(command)
          const seconds = ((performance.now() - started) / 1_000).toFixed(1)
          console.log(`ok ${document}: ${command} (${seconds} s)`)
        } catch (error) {
          problems.push(`${document}: ${command}: ${error.message}`)
          console.error(`not ok ${problems.at(-1)}`)
        }
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
  if (commands === 0) problems.push('No document names a command.')
  return problems.length === 0 ? 0 : 1
})

function commandsOf(document) {
  if (!existsSync(at(document))) fail(`${document} is missing`)
  const blocks = [...readFileSync(at(document), 'utf8').matchAll(/^```(?:sh|bash)\n([\s\S]*?)^```/gm)]
  return blocks.flatMap(([, block]) =>
    block
      .replaceAll('\\\n', ' ')
      .split('\n')
      .map((line) => line.replace(/\s+#.*$/, '').trim())
      .filter((line) => line !== '' && !line.startsWith('#')),
  )
}

function fail(message) {
  throw new Error(message)
}

/** The address in the command stands for this repository. */
async function cloneRepository(command) {
  const name = command.split(' ')[3] ?? command.replace(/^.*\/|\.git$/g, '')
  await until(`git clone --quiet ${root} ${name}`, { code: 0, cwd: work })
  clone = join(work, name)
}

/** Without changes it runs the tests that start nothing, once for both ways to type it. */
function checksNothing() {
  checked ??= until('npm run check -- --since=HEAD', { code: 0, says: /fail 0/ })
  return checked
}

function runsInCi(command) {
  const script = /^npm run (\S+)/.exec(command)?.[1]
  const steps = readFileSync(at('.ci/run'), 'utf8')
  if (command.startsWith('bash .ci/run')) return
  if (command === 'npm test -- sdk')
    return until(command, { code: 0, says: /\d+ passed, 0 failed|# fail 0|fail 0/ })
  const typed = script ?? command
  if (
    script !== undefined &&
    JSON.parse(readFileSync(at('package.json'), 'utf8')).scripts[script] === undefined
  ) {
    fail('package.json has no such script')
  }
  if (!steps.includes(typed)) fail('.ci/run does not run it')
}

/** `check:packages` installs the packed packages into an empty project and starts the server from there. */
function installedFromTarballs() {
  if (!readFileSync(at('.ci/run'), 'utf8').includes('check:packages'))
    fail('.ci/run does not install the packages')
}

/** As a person types it: the link is written to a terminal only. */
function inTerminal(command) {
  return `exec script --quiet --return --command '${command}' /dev/null`
}

/** A free port below those that the system gives to connections and to whoever asks for any. */
async function freePort() {
  for (;;) {
    const port = randomInt(10_000, 32_000)
    const server = createServer()
    const free = await new Promise((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!free) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}

/**
 * Runs a command in the clone until it ends with `code`, or until it says `says`; what it then offers is opened, and it
 * is asked to stop.
 */
async function until(command, { code, says, open, env = {}, cwd = clone ?? root }) {
  const child = spawn('bash', ['-c', command], {
    cwd,
    env: { ...newcomer, PORT: String(await freePort()), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  const closed = once(child, 'close')
  const told = new Promise((resolve) => {
    const hear = (chunk) => {
      output += chunk
      if (says?.test(output)) resolve('told')
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
  })
  const late = AbortSignal.timeout(DEADLINE_MS)
  const outcome = await Promise.race([
    ...(code === undefined ? [told] : []),
    closed.then(() => 'closed'),
    once(late, 'abort').then(() => 'late'),
  ])
  try {
    if (outcome === 'late') fail(`nothing after ${DEADLINE_MS / 1_000} s:\n${output}`)
    if (code !== undefined && child.exitCode !== code) fail(`exit code ${child.exitCode}:\n${output}`)
    if (says !== undefined && !says.test(output)) fail(`it did not say ${says}:\n${output}`)
    if (open) {
      const address = /http:\/\/[^\s#]+/.exec(says.exec(output)[0])[0]
      const answer = await fetch(address)
      if (!answer.ok || !(await answer.text()).includes('<div id="'))
        fail(`${address} answers ${answer.status}`)
    }
  } finally {
    if (outcome !== 'closed') {
      process.kill(-child.pid, 'SIGTERM')
      await closed
    }
  }
}
