// Containers that have no height, or none yet.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { openStage, shell, type Stage } from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'

interface Opened {
  readonly page: Page
  readonly warnings: string[]
}

async function openIn(stage: Stage, css: string): Promise<Opened> {
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}&hidden`)
  const warnings: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'warning') warnings.push(message.text())
  })
  await page.waitForFunction(() => 'show' in window)
  await page.addStyleTag({ content: css })
  await page.evaluate(() => window.show(true))
  await page.waitForSelector('.cliscale[data-state="connected"]', { state: 'attached' })
  return { page, warnings }
}

async function rowsOf(page: Page): Promise<number> {
  return await page.evaluate(() => window.terminal.size.rows)
}

test('a terminal whose container leaves the height open is of use, and the console says it once', async (t) => {
  const stage = await openStage(t)
  const { page, warnings } = await openIn(stage, '.frame { height: auto }')
  const box = await page.locator('.cliscale-screen').boundingBox()
  assert.equal(box?.height, 304)
  assert.ok((await rowsOf(page)) >= 15)
  await page.evaluate(() => window.render())
  assert.equal(warnings.length, 1, warnings.join('\n'))
  assert.match(warnings[0] ?? '', /leaves its height open.*Give it a height/)
})

test('a container of no height is told, one with a height, however small, is not', async (t) => {
  const stage = await openStage(t)
  const none = await openIn(stage, '.frame { height: 0 }')
  assert.match(none.warnings.join('\n'), /^Cliscale: what holds the terminal is 0 pixels high/)
  const small = await openIn(stage, '.frame { height: 120px }')
  assert.deepEqual(small.warnings, [])
  const frame = await small.page.locator('.cliscale').boundingBox()
  assert.equal(frame?.height, 120)
})

test('a terminal that is hidden at first, or opens slowly, fits when it is there', async (t) => {
  const stage = await openStage(t)
  const hidden = await openIn(stage, '.frame { display: none; height: 400px } .frame.open { display: block }')
  assert.deepEqual(hidden.warnings, [])
  const slow = await openIn(
    stage,
    '.frame { height: 1px; overflow: hidden; transition: height .5s } .frame.open { height: 400px }',
  )
  for (const { page } of [hidden, slow]) {
    await page.evaluate(() => document.querySelector('.frame')?.classList.add('open'))
    await waitFor('the rows that fit', async () => {
      const rows = await rowsOf(page)
      return rows >= 20 && rows <= 24
    })
  }
})
