import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connected, openStage, screenText, shows, STRICT_POLICY } from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'

const shell = { command: 'sh', env: { PS1: '$ ', ENV: '' } } as const

test('WebGL draws where it is to be had, and the DOM takes over when the browser takes the context away', async (t) => {
  const stage = await openStage(t, { kind: 'webgl', policy: STRICT_POLICY })
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`)
  await connected(page)
  await page.waitForSelector('.cliscale[data-renderer="webgl"] canvas')
  await page.keyboard.type('echo drawn\n')
  await shows(page, /^drawn$/m)
  await page.evaluate(() => {
    for (const canvas of document.querySelectorAll('canvas')) {
      canvas.getContext('webgl2')?.getExtension('WEBGL_lose_context')?.loseContext()
    }
  })
  await page.waitForSelector('.cliscale[data-renderer="dom"]')
  await page.locator('.xterm-rows').getByText('drawn', { exact: true }).waitFor()
  await page.keyboard.type('echo again\n')
  await page.locator('.xterm-rows').getByText('again', { exact: true }).waitFor()
  const { size } = await page.evaluate(() => window.terminal)
  await page.keyboard.type('clear; stty size\n')
  await shows(page, `${size.rows} ${size.columns}`)
  assert.deepEqual(
    stage.complaints.filter((line) => !line.includes('WebGL')),
    [],
  )
})

test('of many terminals in sight only some draw with WebGL, so that the browser drops none', async (t) => {
  const stage = await openStage(t, { kind: 'webgl', flags: ['--spare-runners=0'] })
  const count = 10
  const sessions = await Promise.all(
    Array.from({ length: count }, () => stage.cliscale.sessions.create(shell)),
  )
  const ids = sessions.map(({ id }) => id).join(',')
  const page = await stage.open(`session=${ids}&small`, { viewport: { width: 1200, height: 900 } })
  await waitFor(
    'all to be connected',
    async () => {
      const connectedOnes = await page.locator('.cliscale[data-state="connected"]').count()
      return connectedOnes === count
    },
    60_000,
  )
  const drawnBy = async (renderer: string): Promise<number> =>
    page.locator(`.cliscale[data-renderer="${renderer}"]`).count()
  await waitFor('eight leases', async () => (await drawnBy('webgl')) === 8)
  assert.equal(await drawnBy('dom'), count - 8)
})

test('a flood of output leaves the page quick to answer and its memory bounded, and Ctrl-C gets through', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`)
  await connected(page)
  await page.evaluate(() => {
    const pauses: number[] = []
    let last = performance.now()
    const tick = (): void => {
      const now = performance.now()
      pauses.push(now - last)
      last = now
      setTimeout(tick, 10)
    }
    tick()
    Object.assign(window, { pauses })
  })
  const heap = async (): Promise<number> => {
    const client = await page.context().newCDPSession(page)
    await client.send('HeapProfiler.collectGarbage')
    const { usedSize } = (await client.send('Runtime.getHeapUsage')) as { usedSize: number }
    return usedSize
  }
  const before = await heap()
  await page.keyboard.type(
    'clear; yes 0123456789012345678901234567890123456789 | head -c 20000000; echo; echo flooded\n',
  )
  await shows(page, '0123456789')
  const during = await heap()
  await waitFor('the end of the flood', async () => /^flooded$/m.test(await screenText(page)), 60_000)
  const pauses = await page.evaluate(() => (window as unknown as { pauses: number[] }).pauses)
  const sorted = pauses.toSorted((one, other) => one - other)
  const late = sorted.at(Math.floor(sorted.length * 0.99)) ?? 0
  t.diagnostic(
    `pauses: p99 ${late.toFixed(0)} ms, longest ${(sorted.at(-1) ?? 0).toFixed(0)} ms; heap +${((during - before) / 1e6).toFixed(1)} MB`,
  )
  assert.ok(late < 250, `the 99th percentile of pauses is ${late} ms`)
  assert.ok(during - before < 64_000_000, `the heap grew by ${during - before} bytes`)

  await page.keyboard.type('clear; yes\n')
  await shows(page, /^y$/m)
  await page.keyboard.press('Control+C')
  await waitFor('the prompt', async () => (await screenText(page)).endsWith('$'), 5_000)
})
