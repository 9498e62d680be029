// Text is readable in all colours that a program can choose for it and for what is behind it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStage, shows, STRICT_POLICY } from './support/stage.ts'

const COLOURS = Array.from({ length: 16 }, (_, index) => index)
const code = (index: number, base: number): number => (index < 8 ? base + index : base + 52 + index)
/** Each background on a row, each foreground in it: text alone, and text after lines, an arrow and before them. */
const ROWS = COLOURS.map((behind) =>
  COLOURS.map(
    (text) =>
      `\\033[${code(text, 30)};${code(behind, 40)}mab\\033[0m \\033[${code(text, 30)};${code(behind, 40)}m│cd─\\033[0m `,
  ).join(''),
)
const DEFAULTS = COLOURS.map(
  (behind) => `\\033[${code(behind, 40)}m─ef\\033[0m \\033[7;${code(behind, 30)}m█gh\\033[0m `,
).join('')
const PROGRAM = `stty -echo; printf '${[...ROWS, DEFAULTS].join('\\n')}\\nend\\n'; read go`

for (const theme of ['dark', 'light']) {
  test(`in the ${theme} theme all text has a contrast of 4.5, and lines the colour that was asked for`, async (t) => {
    const stage = await openStage(t, { policy: STRICT_POLICY })
    const { id } = await stage.cliscale.sessions.create({ command: 'bash', args: ['-c', PROGRAM] })
    const viewport = { width: 1900, height: 720 }
    const page = await stage.open(`session=${id}&still&renderer=dom&${theme}`, { viewport })
    await shows(page, /^end$/m)
    await page.locator('.xterm-rows').getByText('end', { exact: true }).waitFor()
    const spans = await page.locator('.xterm-rows span').evaluateAll((all) => {
      const numbers = (css: string): number[] => (css.match(/[\d.]+/g) ?? []).map(Number)
      const light = ([red = 0, green = 0, blue = 0]: number[]): number => {
        const linear = (part: number): number =>
          part <= 10 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4
        return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
      }
      return all
        .filter(({ classList }) => classList.value.includes('xterm-bg-'))
        .map((span) => {
          const { color, backgroundColor } = getComputedStyle(span)
          const [low = 0, high = 0] = [light(numbers(color)), light(numbers(backgroundColor))].sort(
            (a, b) => a - b,
          )
          const text = span.textContent
          return {
            text,
            colours: `${color} on ${backgroundColor}`,
            color,
            contrast: (high + 0.05) / (low + 0.05),
          }
        })
    })
    const words = spans.filter(({ text }) => /[a-h]/.test(text))
    assert.equal(words.length, 16 * 16 * 2 + 16 * 2)
    // Colours have whole parts, so a little less than 4.5 is as near as they come.
    const poor = words
      .filter(({ contrast }) => contrast < 4.45)
      .map(({ text, colours, contrast }) => `${text} ${colours} ${contrast}`)
    assert.deepEqual(poor, [])
    // A colour draws lines alike on every background.
    const lines = spans.filter(({ text }) => text === '│')
    assert.equal(lines.length, 256)
    for (const [index, { color }] of lines.entries()) assert.equal(color, lines[index % 16]?.color)
  })
}
