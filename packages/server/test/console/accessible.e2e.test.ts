import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import type { CreateSessionOptions, Session } from '@cliscale/sdk'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { findingsOfThemes } from './axe.ts'
import { connected, openConsole, shows } from './open-console.ts'
import { inFull } from '../support/in-full.ts'

// axe's script may run in the page; what the page's policy refuses, the other tests see.
const HELPED: BrowserContextOptions = { bypassCSP: true, reducedMotion: 'reduce' }
const PHONE: BrowserContextOptions = {
  ...HELPED,
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
}
/** The last of them, which differs least from the first, only in full. */
const SIZES: readonly (readonly [string, BrowserContextOptions])[] = [
  ['1440 px', { ...HELPED, viewport: { width: 1440, height: 900 } }],
  ['a phone', PHONE],
  ['800 px', { ...HELPED, viewport: { width: 800, height: 700 } }],
]

/** What is looked at: its name, how to come to it, and all that must be there before it is looked at. */
type State = readonly [name: string, reach: (page: Page) => Promise<unknown>]

async function look(page: Page, states: readonly State[]): Promise<void> {
  const found: string[] = []
  for (const [name, reach] of states) {
    await reach(page)
    found.push(...(await findingsOfThemes(page, name)))
  }
  assert.deepEqual(found, [])
}

const opens =
  (hash: string, shown: (page: Page) => Promise<unknown>) =>
  async (page: Page): Promise<void> => {
    await page.evaluate((to) => void (location.hash = to), hash)
    await shown(page)
  }

const heading = (name: string) => (page: Page) => page.getByRole('heading', { name }).waitFor()
const dialog = (name: string) => (page: Page) => page.getByRole('dialog', { name }).waitFor()
const closes = async (page: Page): Promise<void> => {
  await page.keyboard.press('Escape')
  await page.locator('dialog').waitFor({ state: 'detached' })
}

/** An address of an archive that never comes to its end. */
async function endlessBundle(t: TestContext): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': 10_000_000 })
    response.write(Buffer.alloc(2_500_000))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('It does not listen on a port.')
  return `127.0.0.1:${address.port}`
}

for (const [size, options] of SIZES.slice(0, inFull(3, 2))) {
  const narrow = options.isMobile === true

  test(`axe finds nothing where no session is: ${size}`, async (t) => {
    const stage = await openConsole(t)
    const page = await stage.open(stage.server.baseUrl, options)
    await look(page, [
      ['signed out', heading('Sign in to the console')],
      [
        'a link that is no good',
        async (at) => {
          await opens('#code=none', (it) => it.reload())(at)
          await heading('This link does not work any more')(at)
        },
      ],
      [
        'no session',
        async (at) => {
          // The console itself would begin one.
          const code = new URL(await stage.link()).hash.replace('#code=', '')
          await at.request.post(`${stage.server.baseUrl}/v1/console/login`, { data: { code } })
          await at.reload()
          await at.getByText('There are no sessions yet.').waitFor()
        },
      ],
    ])
  })

  test(`axe finds nothing in any state of a session: ${size}`, async (t) => {
    const host = await endlessBundle(t)
    const stage = await openConsole(t, ['--max-sessions=3', `--bundle-http-hosts=${host}`])
    const page = await stage.signIn(options)
    const create = (name: string, rest: CreateSessionOptions = {}): Promise<Session> =>
      stage.cliscale.sessions.create({ command: 'sh', metadata: { name }, ...rest })
    const ended = async (name: string, rest: CreateSessionOptions): Promise<Session> => {
      const session = await create(name, rest)
      await session.waitUntil('ended')
      return session
    }
    const failed = await ended('broken', { command: 'no-such-command', owner: 'ada' })
    const plain = await ended('over', { args: ['-c', 'exit 3'] })
    const tape = await ended('tape', { args: ['-c', 'echo on tape'], recording: 'output-and-input' })
    const live = await create('live', { recording: 'output' })
    await live.waitUntil('running')
    const fetching = await create('fetching', {
      bundle: { url: `http://${host}/cli.tar`, sha256: '0'.repeat(64) },
    })
    const queued = await create('waiting')
    await look(page, [
      ['a shell', connected],
      ['recorded', opens(`#/sessions/${live.id}`, connected)],
      [
        'watched',
        opens(`#/sessions/${live.id}/watch`, (at) => at.getByText('Watching', { exact: true }).waitFor()),
      ],
      ['starting', opens(`#/sessions/${fetching.id}`, (at) => at.getByRole('progressbar').waitFor())],
      ['queued', opens(`#/sessions/${queued.id}`, (at) => at.getByText('in the queue').first().waitFor())],
      ['failed', opens(`#/sessions/${failed.id}`, (at) => at.getByText('COMMAND_NOT_FOUND').waitFor())],
      ['over', opens(`#/sessions/${plain.id}`, heading('Exit code 3'))],
      [
        'player',
        opens(`#/sessions/${tape.id}`, async (at) => {
          await at.waitForSelector('.cliscale-player[data-state="ready"]')
        }),
      ],
      [
        'no such session',
        opens('#/sessions/ses_0000000000000000000000', (at) => at.getByRole('alert').waitFor()),
      ],
      ['list', opens('#/', (at) => at.getByRole('link', { name: /^live/ }).waitFor())],
      [
        'ends while it is watched',
        async (at) => {
          await opens(`#/sessions/${live.id}`, connected)(at)
          await at.locator('.xterm-helper-textarea').focus()
          await at.keyboard.type('exit 1\n')
          await at.getByRole('button', { name: 'Play recording' }).waitFor()
        },
      ],
    ])
  })

  test(`axe finds nothing in what opens over a session: ${size}`, async (t) => {
    const stage = await openConsole(t)
    const tape = await stage.cliscale.sessions.create({ command: 'true', recording: 'output' })
    await tape.waitUntil('ended')
    const page = await stage.signIn(options)
    const list = async (): Promise<void> => {
      if (narrow) await page.locator('.list-button').click()
    }
    await look(page, [
      [
        'share',
        async (at) => {
          await at.getByRole('button', { name: 'Share' }).click()
          await dialog('Share this screen')(at)
        },
      ],
      [
        'end',
        async (at) => {
          await closes(at)
          await at.getByRole('button', { name: 'End session' }).click()
          await dialog('End this session?')(at)
        },
      ],
      [
        'paste',
        async (at) => {
          await closes(at)
          await at.locator('.xterm-helper-textarea').evaluate((field) => {
            const data = new DataTransfer()
            data.setData('text/plain', 'long '.repeat(1_100))
            field.dispatchEvent(
              new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }),
            )
          })
          await at.getByRole('alertdialog').waitFor()
        },
      ],
      [
        'screen reader',
        async (at) => {
          await at.keyboard.press('Escape')
          await at.getByRole('switch', { name: 'Screen reader' }).click()
          await at.locator('.xterm-helper-textarea').focus()
          await at.keyboard.type('echo read $((40 + 2))\n')
          await shows(at, 'read 42')
        },
      ],
      ['list beside or over', list],
      [
        'nothing found',
        async (at) => {
          await at.getByRole('searchbox').fill('nothing like it')
          await at.getByRole('button', { name: 'Show all sessions' }).waitFor()
        },
      ],
      [
        'found',
        async (at) => {
          await at.getByRole('searchbox').fill('sh')
          await at.locator('.session-row').first().waitFor()
        },
      ],
      [
        'new session',
        async (at) => {
          await at.locator('.sidebar').getByRole('button', { name: 'New session' }).click()
          await dialog('New session')(at)
          await at.getByRole('dialog', { name: 'New session' }).getByLabel('Name').waitFor()
        },
      ],
      [
        'new session with problems',
        async (at) => {
          await at.getByText('More settings').click()
          await at.getByLabel('Environment').fill('not a variable')
          await at.getByRole('button', { name: 'Start session' }).click()
          await at.getByText('Line 1 is not NAME=value.').waitFor()
        },
      ],
      [
        'rail',
        async (at) => {
          await closes(at)
          await at.locator('.sidebar').getByRole('button', { name: 'Session list' }).click()
        },
      ],
      [
        'offline',
        async (at) => {
          await at.context().setOffline(true)
          await at.getByText('You are offline. Your sessions go on').waitFor()
        },
      ],
      [
        'delete a recording',
        async (at) => {
          await at.context().setOffline(false)
          await connected(at)
          await opens(`#/sessions/${tape.id}`, (page) =>
            page.getByRole('button', { name: 'Delete recording' }).click(),
          )(at)
          await dialog('Delete this recording?')(at)
        },
      ],
    ])
  })
}
