// Characters take as many cells as programs count for them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connected, openStage, shows, STRICT_POLICY } from './support/stage.ts'

/** Each is two cells wide. */
const WIDE = ['ab', '漢', '👍', '❤️', '✔️', '⚠️', '1️⃣', '#️⃣']
const ASKS = `printf '❤️\\033[6n'; IFS= read -rs -d R answer; printf '\\nat %s\\n' "\${answer#*;}"`
const PROGRAM = `stty -echo; echo begin; read go; ${ASKS}; printf '%s|\\n' ${WIDE.map((text) => `'${text}'`).join(' ')}; echo end; read go`

test('an emoji takes two cells, also one that U+FE0F makes, and the program is told the same', async (t) => {
  const stage = await openStage(t, { policy: STRICT_POLICY })
  const { id } = await stage.cliscale.sessions.create({ command: 'bash', args: ['-c', PROGRAM] })
  const page = await stage.open(`session=${id}&renderer=dom`)
  await shows(page, /^begin$/m)
  await connected(page)
  await page.locator('.xterm-helper-textarea').press('Enter')
  await shows(page, /^end$/m)
  await shows(page, /^at 3$/m)
  await page.locator('.xterm-rows').getByText('end', { exact: true }).waitFor()
  const bars = await page.locator('.xterm-rows > div').evaluateAll((rows) =>
    rows
      .filter((row) => row.textContent.includes('|'))
      .map((row) => {
        const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT)
        for (let text = walker.nextNode(); text !== null; text = walker.nextNode()) {
          const at = text.nodeValue?.indexOf('|') ?? -1
          if (at < 0) continue
          const range = document.createRange()
          range.setStart(text, at)
          range.setEnd(text, at + 1)
          return Math.round(range.getBoundingClientRect().left)
        }
        return -1
      }),
  )
  assert.equal(bars.length, WIDE.length)
  assert.equal(new Set(bars).size, 1, bars.join())
  assert.ok((bars[0] ?? 0) > 0)
})
