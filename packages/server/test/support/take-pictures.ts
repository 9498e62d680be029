// npm run pictures: a server of its own, sessions that show something, a browser, and one picture for each theme.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Cliscale } from '@cliscale/sdk'
import { type Browser, chromium, type Page } from 'playwright-core'
import { parseConfig } from '../../src/config/parse.ts'
import { createLog } from '../../src/observability/log.ts'
import { type CliscaleServer, createServer } from '../../src/server.ts'
import { dataFolder, removeDataFolder } from './data-folder.ts'

/** A README that takes long to load is not read. */
const MOST_BYTES = 200_000

const DESK = { width: 1080, height: 600 }
const PHONE = { width: 390, height: 700 }

/** Printed before the first prompt, which it sets too. */
const DEPLOY = String.raw`
unset PROMPT_COMMAND; PS1='\[\e[36m\]~/shop\[\e[0m\] $ '
printf '\e[36m◆\e[0m \e[1mDeploy preview\e[0m \e[90m4f07ea0\e[0m\n\n'
for step in 'Dependencies  12.4s' 'Type-check     3.1s' '1,204 tests   21.8s' 'Build          6.0s' 'Upload         1.2s'; do
  printf '  \e[32m✔\e[0m %s\e[90m%s\e[0m\n' "\${step%% *}\${step#\${step%% *}}" ''
done
printf '\n  \e[4;34mhttps://preview.example.dev\e[0m\n\n'
`.replaceAll('\\${', '${')

const [, , folder] = process.argv
if (folder === undefined) throw new Error('Say into which folder the pictures go.')
const data = await dataFolder()
const server = createServer(
  parseConfig(['--port=0', '--internal-port=0', `--data-dir=${data}`, '--spare-runners=1'], {}),
  createLog({ level: 'error' }),
)
try {
  await server.start()
  const deploy = await stageSessions(server)
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run'],
  })
  try {
    for (const theme of ['dark', 'light'] as const) {
      const picture = await takePicture(browser, {
        theme,
        link: () => server.createConsoleLink(),
        id: deploy,
      })
      if (picture.length > MOST_BYTES) throw new Error(`The ${theme} picture has ${picture.length} bytes.`)
      const file = join(folder, `console-${theme}.png`)
      await writeFile(file, picture)
      console.log(`${file}: ${picture.length} bytes`)
    }
  } finally {
    await browser.close()
  }
} finally {
  await server.close()
  await removeDataFolder(data)
}

/** Sessions in several states; the id of the one to show. */
async function stageSessions({ url, core }: CliscaleServer): Promise<string> {
  const cliscale = new Cliscale({ baseUrl: url, apiKey: await core.createApiKey('pictures', ['admin']) })
  const start = async (name: string, command: string, args: readonly string[] = []): Promise<void> => {
    const session = await cliscale.sessions.create({ command, args, metadata: { name } })
    await session.waitUntil('ended')
  }
  await start('nightly-lint', 'uname', ['-sm'])
  await start('import-users', 'ls', ['users.csv'])
  const others = [{ metadata: { name: 'pair-with-ada' } }, { metadata: { name: 'quiet-otter' } }]
  const last = { metadata: { name: 'deploy-preview' }, env: { PROMPT_COMMAND: DEPLOY } }
  let id = ''
  for (const options of [...others, last]) {
    const session = await cliscale.sessions.create({ command: 'bash', ...options })
    await session.waitUntil('running')
    id = session.id
  }
  return id
}

interface Shot {
  readonly theme: 'dark' | 'light'
  readonly link: () => Promise<string>
  readonly id: string
}

async function takePicture(browser: Browser, shot: Shot): Promise<Buffer> {
  const phone = await shoot(browser, shot, PHONE)
  const desk = await shoot(browser, shot, DESK)
  const line = shot.theme === 'dark' ? '#3a4857' : '#b8c2cc'
  const page = await browser.newPage({ viewport: { width: 1180, height: 660 } })
  const source = (image: Buffer): string => `data:image/png;base64,${image.toString('base64')}`
  await page.setContent(`<style>
      body { margin: 0; background: transparent }
      img { position: absolute; border: 1px solid ${line}; border-radius: 10px }
    </style>
    <img src="${source(desk)}" style="left: 4px; top: 8px; width: ${DESK.width}px">
    <img src="${source(phone)}" style="right: 8px; bottom: 8px; width: 270px; border-radius: 20px; border-width: 4px">`)
  await page
    .locator('img')
    .last()
    .evaluate((image) => (image as HTMLImageElement).decode())
  const picture = await page.screenshot({ omitBackground: true })
  await page.close()
  return picture
}

async function shoot(
  browser: Browser,
  { theme, link, id }: Shot,
  viewport: { readonly width: number; readonly height: number },
): Promise<Buffer> {
  const profile = await browser.newContext({ viewport, colorScheme: theme })
  try {
    const page = await profile.newPage()
    await page.goto(await link())
    await page.waitForSelector('.cliscale[data-state="connected"]')
    await page.evaluate((to) => (location.hash = to), `#/sessions/${id}`)
    await page.getByRole('heading', { name: 'deploy-preview' }).waitFor()
    await page.locator('.xterm-rows').getByText('preview.example.dev').waitFor()
    await page
      .getByRole('button', { name: 'Take control' })
      .or(page.locator('.cliscale[data-state="connected"]'))
      .first()
      .waitFor()
    await refuseCutWords(page)
    return await page.screenshot({ caret: 'hide' })
  } finally {
    await profile.close()
  }
}

/** A picture with half a word in it looks like a fault of the console. */
async function refuseCutWords(page: Page): Promise<void> {
  const cut = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('h1, .session-name, .session-note, .button')]
      .filter((element) => element.offsetParent !== null && element.scrollWidth > element.clientWidth + 1)
      .map((element) => element.textContent),
  )
  if (cut.length > 0) throw new Error(`Cut in the picture: ${cut.join(', ')}`)
}
