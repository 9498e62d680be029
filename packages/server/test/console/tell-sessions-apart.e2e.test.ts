import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { waitFor } from '../support/wait-for.ts'
import { connected, openConsole } from './open-console.ts'

/** What each row shows, without its age. */
async function rows(page: Page, count: number): Promise<string[]> {
  const all = page.locator('.session-row')
  await waitFor(async () => (await all.count()) === count, { what: `the list has ${count} sessions` })
  return await all.evaluateAll((elements) =>
    elements.map((element) => {
      const age = element.querySelector<HTMLElement>('time')?.innerText ?? ''
      return (element as HTMLElement).innerText.replace(age, '').replaceAll(/\s+/g, ' ').trim()
    }),
  )
}

test('sessions of one template with one command, or one name, never look alike', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  for (let count = 0; count < 3; count += 1) await stage.cliscale.sessions.create({ command: 'sh' })
  for (let count = 0; count < 2; count += 1) {
    await stage.cliscale.sessions.create({ command: 'sh', metadata: { name: 'twin' } })
  }
  const seen = await rows(page, 6)
  assert.equal(new Set(seen).size, 6, seen.join('\n'))
  const { id } = await stage.cliscale.sessions.create({ command: 'sh', owner: 'ada' })
  const [newest] = await rows(page, 7)
  assert.match(
    newest ?? '',
    /^sh \w+ · shell · ada /,
    'where there are several owners each row says whose it is',
  )
  await page.locator(`[data-session="${id}"]`).click()
  await page.locator('.session-head .session-tag').getByText(id.slice(-6), { exact: true }).waitFor()
})

test('what is started here gets a name that people can read, and the API knows it too', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  await page.getByRole('button', { name: 'New' }).click()
  const dialog = page.getByRole('dialog', { name: 'New session' })
  const suggested = (await dialog.getByLabel('Name').getAttribute('placeholder')) ?? ''
  assert.match(suggested, /^[a-z]+-[a-z]+$/)
  await dialog.getByRole('button', { name: 'Start session' }).click()
  await page.getByRole('heading', { name: suggested }).waitFor()
  await connected(page)
  const names = (await stage.cliscale.sessions.list().nextPage()).map(({ info }) => info.metadata.name)
  assert.equal(names[0], suggested)
  assert.match(names[1] ?? '', /^[a-z]+-[a-z]+$/, 'also the shell that the link opened')
  assert.notEqual(names[0], names[1])
})

test('hostile names and commands neither break the list nor pass for another entry', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  const create = (name: string, args: string[] = []) =>
    stage.cliscale.sessions.create({ command: 'sh', args, owner: 'eve\u202Eada', metadata: { name } })
  const long = `deploy ${'x'.repeat(500)}`
  const { id } = await create(long)
  await create('\u202Eyolped\u202C', ['-c', 'sleep 600', 'z'.repeat(10_000)])
  await create('two\nlines\u001B[31m \u0301\u0301\u0301')
  await create('\u200B\u3164', ['-c', 'sleep 600'])
  await create('deploy')
  await create('de\u200Bploy')
  const seen = await rows(page, 7)
  assert.equal(new Set(seen).size, 7, seen.join('\n'))
  assert.doesNotMatch(seen.join(''), /[\p{Cc}\u200B\u202A-\u202E\u2066-\u2069]/u)
  assert.ok(
    seen.some((row) => row.startsWith('sh -c sleep 600')),
    'a name that nobody sees is none',
  )

  const shape = await page.locator('.session-list').evaluate((list) => ({
    wide: list.scrollWidth - list.clientWidth,
    heights: [...list.querySelectorAll('.session-row')].map((row) => row.getBoundingClientRect().height),
    whole: list.querySelector(`[title^="deploy x"]`)?.getAttribute('title'),
  }))
  assert.equal(shape.wide, 0)
  assert.equal(new Set(shape.heights).size, 1, shape.heights.join())
  assert.equal(shape.whole, long)
  await page.locator(`[data-session="${id}"]`).click()
  await connected(page)
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  assert.equal(over, 0)
  assert.deepEqual(stage.complaints, [])
})
