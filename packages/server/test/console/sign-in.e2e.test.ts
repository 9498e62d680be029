import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connected, openConsole, shows } from './open-console.ts'

test('the link opens the console with a live shell in it, and its code is gone from the address', async (t) => {
  const stage = await openConsole(t)
  const link = await stage.link()
  const page = await stage.open(link)
  await connected(page)
  await page.keyboard.type('echo $((6 * 7))\n')
  await shows(page, '42')
  assert.match(page.url(), /#\/sessions\/ses_[\w-]+$/)
  await page.goBack()
  assert.doesNotMatch(page.url(), /code=/)
  assert.deepEqual(stage.complaints, [])
  assert.equal((await stage.cliscale.sessions.list().nextPage()).length, 1)

  const policy = (await page.request.get(stage.server.baseUrl)).headers()['content-security-policy'] ?? ''
  assert.doesNotMatch(policy.replace("'wasm-unsafe-eval'", ''), /unsafe/)
  const { cookies } = await page.context().storageState()
  assert.deepEqual(
    cookies.map(({ httpOnly, sameSite }) => ({ httpOnly, sameSite })),
    [{ httpOnly: true, sameSite: 'Strict' }],
  )
})

test('a link that was used tells how to get a new one, unless the browser is signed in already', async (t) => {
  const stage = await openConsole(t)
  const link = await stage.link()
  const page = await stage.open(link)
  await connected(page)
  const other = await stage.open(link)
  await other.getByRole('heading', { name: 'This link does not work any more' }).waitFor()
  await other.getByText('cliscale-server login').waitFor()

  const again = await page.context().newPage()
  await again.goto(link)
  await again.getByRole('navigation', { name: 'Sessions' }).waitFor()
})

test('without a sign-in nothing is shown but how to get one', async (t) => {
  const stage = await openConsole(t)
  await stage.cliscale.sessions.create({ metadata: { name: 'private' } })
  const page = await stage.open(stage.server.baseUrl)
  await page.getByRole('heading', { name: 'Sign in to the console' }).waitFor()
  assert.equal(await page.getByText('private').count(), 0)
})

test('a second sign-in opens the shell that lives, and signing out ends the browser’s right', async (t) => {
  const stage = await openConsole(t)
  const first = await stage.signIn()
  const second = await stage.signIn()
  assert.equal(second.url(), first.url())
  assert.equal((await stage.cliscale.sessions.list().nextPage()).length, 1)
  await second.getByRole('button', { name: 'Sign out' }).click()
  await second.getByRole('heading', { name: 'Sign in to the console' }).waitFor()
  await second.reload()
  await second.getByRole('heading', { name: 'Sign in to the console' }).waitFor()
})
