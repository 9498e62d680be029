import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { at } from '../lib/root.mjs'

/** Files that keep every law. */
const clean = {
  'packages/sdk/src/protocol/index.ts': 'export const one: number = 1\n',
  'packages/sdk/src/index.ts': "export { one } from './protocol/index.ts'\n",
  'packages/server/src/cli.ts': "import { two } from './server.ts'\n\nexport const first = two\n",
  'packages/server/src/server.ts': "import { three } from './gateway/a.ts'\n\nexport const two = three\n",
  'packages/server/src/gateway/a.ts': "import { four } from '../store/b.ts'\n\nexport const three = four\n",
  'packages/server/src/store/b.ts': "import { five } from '../http/c.ts'\n\nexport const four = five\n",
  'packages/server/src/http/c.ts': 'export const five = 5\n',
  'packages/server/src/config/d.ts': "export const home = process.env['HOME']\n",
  'packages/server/test/e.test.ts': "import '@cliscale/sdk'\n",
  'packages/server/src/auth/circle-b.ts':
    "import type { A } from './circle-a.ts'\n\nexport interface B {\n  readonly a?: A\n}\n",
  'packages/server/src/auth/circle-a.ts': 'export interface A {\n  readonly b?: object\n}\n',
  'packages/server/src/node-inside/adopt.ts':
    'export const f = (x: { _handle?: unknown }): unknown => x._handle\n',
  'packages/server/src/gateway/options.ts': 'export const MAX_ROWS = 5\n',
  'packages/server/test/support/deadline.ts':
    "export const late = new Promise((_, reject) => {\n  setTimeout(() => reject(new Error('late')), 5)\n})\n",
}

/** Each law, with a file that breaks it and what the lint must say about that file. */
const broken = [
  ['no any', 'packages/sdk/src/any.ts', 'export const x: any = 1\n', 'no-explicit-any'],
  [
    'no floating promise',
    'packages/server/src/auth/floating.ts',
    'const work = async (): Promise<number> => 1\nexport const go = (): void => {\n  work()\n}\n',
    'no-floating-promises',
  ],
  [
    'switches are exhaustive',
    'packages/server/src/auth/switch.ts',
    "export function f(x: 'a' | 'b'): number {\n  switch (x) {\n    case 'a':\n      return 1\n  }\n  return 0\n}\n",
    'switch-exhaustiveness-check',
  ],
  [
    'no non-null assertion',
    'packages/sdk/src/bang.ts',
    'export const f = (x?: string): string => x!\n',
    'no-non-null-assertion',
  ],
  ['files are short', 'packages/sdk/src/long.ts', lines(401), 'max-lines'],
  [
    'functions are short',
    'packages/sdk/src/tall.ts',
    `export function tall(): void {\n${lines(81, '  ')}}\n`,
    'max-lines-per-function',
  ],
  [
    'environment in config only',
    'packages/runner/src/env.ts',
    "export const home = process.env['HOME']\n",
    'no-process-env',
  ],
  [
    'environment by import in config only',
    'packages/runner/src/env-import.ts',
    "import { env } from 'node:process'\n\nexport const home = env['HOME']\n",
    'The environment is read in config',
  ],
  [
    'connections by store/connection.ts only',
    'packages/server/src/store/leases.ts',
    "import { Client } from 'pg'\n\nexport const client = new Client()\n",
    'Connections are made by store/connection.ts',
  ],
  imports('server does not import cli', 'packages/server/src/server.ts', './cli.ts'),
  imports('gateway does not import drivers', 'packages/server/src/gateway/x.ts', '../drivers/driver.ts'),
  imports('gateway does not import controller', 'packages/server/src/gateway/y.ts', '../controller/a.ts'),
  imports('controller does not import gateway', 'packages/server/src/controller/x.ts', '../gateway/a.ts'),
  imports('store does not import auth', 'packages/server/src/store/x.ts', '../auth/a.ts'),
  imports('auth does not import lifecycle', 'packages/server/src/auth/x.ts', '../lifecycle/a.ts'),
  imports('lifecycle does not import drivers', 'packages/server/src/lifecycle/x.ts', '../drivers/a.ts'),
  imports('drivers do not import store', 'packages/server/src/drivers/process/x.ts', '../../store/b.ts'),
  imports('drivers do not import controller', 'packages/server/src/drivers/y.ts', '../controller/a.ts'),
  imports('store does not import gateway', 'packages/server/src/store/y.ts', '../gateway/a.ts'),
  imports('http does not import auth', 'packages/server/src/http/x.ts', '../auth/a.ts'),
  imports('files import no other layer', 'packages/server/src/files/x.ts', '../config/config.ts'),
  imports('config does not import http', 'packages/server/src/config/x.ts', '../http/c.ts'),
  imports('observability does not import store', 'packages/server/src/observability/x.ts', '../store/b.ts'),
  imports('nobody below imports server', 'packages/server/src/gateway/z.ts', '../server.ts'),
  imports('server does not import the SDK root', 'packages/server/src/store/z.ts', '@cliscale/sdk'),
  imports('runner does not import the SDK root', 'packages/runner/src/x.ts', '@cliscale/sdk'),
  imports('runner does not import server', 'packages/runner/src/y.ts', '@cliscale/server'),
  imports('protocol imports no other file', 'packages/sdk/src/protocol/x.ts', '../errors.ts'),
  imports('protocol imports no package', 'packages/sdk/src/protocol/y.ts', 'eventemitter3'),
  imports('protocol imports no builtin', 'packages/sdk/src/protocol/z.ts', 'node:buffer'),
  imports('the SDK imports no builtin', 'packages/sdk/src/x.ts', 'node:fs'),
  imports('the SDK does not import server', 'packages/sdk/src/y.ts', '@cliscale/server'),
  imports('react does not import runner', 'packages/react/src/x.tsx', '@cliscale/runner'),
  imports('packages meet by name', 'packages/server/src/store/w.ts', '../../../sdk/src/protocol/index.ts'),
  imports('the console uses what is published', 'packages/server/console/x.ts', '../src/store/b.ts'),
  imports('examples use what is published', 'examples/one/x.ts', '../../packages/sdk/src/index.ts'),
  [
    'a dynamic import is an import',
    'packages/server/src/gateway/dynamic.ts',
    "export const load = async (): Promise<unknown> => import('../drivers/driver.ts')\n",
    'gateway may not import drivers',
  ],
  [
    'a type import is an import',
    'packages/server/src/gateway/types.ts',
    "import type { Driver } from '../drivers/driver.ts'\n\nexport type Mine = Driver\n",
    'gateway may not import drivers',
  ],
  [
    'a re-export is an import',
    'packages/server/src/gateway/re-export.ts',
    "export * from '../controller/a.ts'\n",
    'gateway may not import controller',
  ],
  [
    'a circle of type imports is a circle',
    'packages/server/src/auth/circle-a.ts',
    "import type { B } from './circle-b.ts'\n\nexport interface A {\n  readonly b: B\n}\n",
    'no-cycle',
  ],
  sleeps('timers of promises', 'sleep.test.ts', "import 'node:timers/promises'\n"),
  sleeps('support files', 'support/pause.ts', "import 'node:timers/promises'\n"),
  sleeps(
    'a promise that a timer settles',
    'support/rest.ts',
    'export const rest = (): Promise<void> =>\n  new Promise((settle) => {\n    setTimeout(settle, 5)\n  })\n',
  ),
  sleeps(
    'a promise with a resolver apart',
    'support/apart.ts',
    'const { promise, resolve } = Promise.withResolvers<void>()\nsetTimeout(() => resolve(), 5)\nawait promise\n',
  ),
  [
    'what is random in tests has a seed',
    'packages/sdk/test/random.test.ts',
    'export const chance = Math.random()\n',
    'the seed of the run',
  ],
  [
    'a bound stands with the bounds',
    'packages/server/src/store/bound.ts',
    'const MAX_ROWS = 5\n\nexport const most = MAX_ROWS\n',
    'MAX_ROWS is a bound',
  ],
  [
    'a time is a bound',
    'packages/server/src/store/time.ts',
    'export const EVERY_MS = 5 * 60_000\n',
    'EVERY_MS is a bound',
  ],
  [
    'a listed bound that is gone leaves the list',
    'packages/server/src/store/tokens.ts',
    'export const none = 0\n',
    'MAX_BATCH stands here no more',
  ],
  inside('reading', 'reads.ts', 'export const f = (x: { _core?: unknown }): unknown => x._core\n'),
  inside(
    'taking apart',
    'takes.ts',
    'export const f = ({ _handle: h }: Record<string, unknown>): unknown => h\n',
  ),
  inside('describing', 'describes.ts', 'export interface Inside {\n  readonly _server?: object\n}\n'),
]

describe('npm run lint', () => {
  let root
  before(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'cliscale-lint-')))
    for (const path of [
      '.ci/lib',
      '.ci/lint.mjs',
      '.oxlintrc.json',
      'tsconfig.base.json',
      'package.json',
      'package-lock.json',
    ])
      cpSync(at(path), join(root, path), { recursive: true })
    for (const name of ['sdk', 'react', 'runner', 'server']) {
      for (const file of ['package.json', 'tsconfig.json']) {
        mkdirSync(join(root, 'packages', name), { recursive: true })
        cpSync(at('packages', name, file), join(root, 'packages', name, file))
      }
    }
    symlinkSync(at('node_modules'), join(root, 'node_modules'))
    write(clean)
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  it('accepts what keeps every law', async () => {
    const { code, output } = await lint()
    assert.equal(code, 0, output)
  })

  describe('refuses what breaks a law', () => {
    let answer
    before(async () => {
      write(Object.fromEntries(broken.map(([, file, text]) => [file, text])))
      answer = await lint()
    })

    it('with a failing exit code', () => assert.notEqual(answer.code, 0))

    for (const [law, file, , complaint] of broken) {
      it(law, () => {
        const blocks = answer.output.split(/\n(?=\s*[x×] |\S+:\d+: )/)
        const hit = blocks.find((block) => block.includes(`${file}:`) && block.includes(complaint))
        assert.ok(
          hit,
          `nothing says “${complaint}” about ${file}:\n${blocks.filter((b) => b.includes(file)).join('\n')}`,
        )
      })
    }
  })

  function write(files) {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(join(root, dirname(file)), { recursive: true })
      writeFileSync(join(root, file), text)
    }
  }

  function lint() {
    return new Promise((resolve, reject) => {
      // With CI set, oxlint colours what it says whatever NO_COLOR says.
      const { CI: _, ...env } = process.env
      const child = spawn(process.execPath, [join(root, '.ci/lint.mjs')], {
        cwd: root,
        env: { ...env, NO_COLOR: '1' },
      })
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text) => (output += text))
      child.on('error', reject)
      child.on('close', (code) => resolve({ code, output }))
    })
  }
})

function sleeps(law, file, text) {
  return [`tests do not sleep: ${law}`, `packages/sdk/test/${file}`, text, 'Tests do not sleep']
}

function inside(law, file, text) {
  return [
    `inside folders only: ${law}`,
    `packages/server/src/gateway/${file}`,
    text,
    'xterm-inside/ or node-inside/',
  ]
}

function imports(law, file, specifier) {
  return [law, file, `import '${specifier}'\n`, specifier.startsWith('.') ? `${file}:1: ` : specifier]
}

function lines(count, indent = '') {
  return Array.from({ length: count }, (_, index) => `${indent}void ${index}\n`).join('')
}
