import assert from 'node:assert/strict'
import { test } from 'node:test'
import headless from '@xterm/headless'
import { coreOf } from '../src/xterm-inside/core.ts'
import { type Shape, shapeProblems } from './support/shape.ts'

const TERMINAL: Shape = { _core: 'object' }

/** Every member that `src/xterm-inside/` uses and xterm does not promise. */
const CORE: Shape = {
  '_bufferService.cols': 'number',
  '_bufferService.rows': 'number',
  '_bufferService.scroll': 'function/1',
  'buffers.active.lines.get': 'function/1',
  'buffers.normal.lines.maxLength': 'number',
  'buffers.normal.x': 'number',
  'buffers.normal.y': 'number',
  'buffers.normal.ybase': 'number',
  'buffers.normal.tabs.0': 'boolean',
  'buffers.normal.scrollTop': 'number',
  'buffers.normal.scrollBottom': 'number',
  'buffers.normal.savedX': 'number',
  'buffers.normal.savedY': 'number',
  'buffers.normal.savedCurAttrData.fg': 'number',
  'coreService.isCursorHidden': 'boolean',
  'coreService.decPrivateModes.cursorStyle': 'string',
  'coreService.decPrivateModes.cursorBlink': 'boolean',
  'coreMouseService.activeEncoding': 'string',
  '_charsetService.glevel': 'number',
  '_charsetService._charsets': 'array',
  '_oscLinkService.getLinkData': 'function/1',
  '_inputHandler._windowTitle': 'string',
  '_inputHandler._curAttrData.fg': 'number',
}

const ROW: Shape = {
  _data: 'Uint32Array',
  '_combined.0': 'string',
  '_extendedAttrs.0': 'object',
  length: 'number',
  isWrapped: 'boolean',
  setCell: 'function/2',
  clone: 'function/0',
  resize: 'function/2',
  cleanupMemory: 'function/0',
}

const ATTRIBUTES: Shape = {
  fg: 'number',
  bg: 'number',
  'extended.ext': 'number',
  'extended.urlId': 'number',
  'isBold()': 'number',
  'isDim()': 'number',
  'isItalic()': 'number',
  'isUnderline()': 'number',
  'isBlink()': 'number',
  'isInverse()': 'number',
  'isInvisible()': 'number',
  'isStrikethrough()': 'number',
  'isOverline()': 'number',
  'isFgRGB()': 'boolean',
  'isBgRGB()': 'boolean',
  'isFgPalette()': 'boolean',
  'isBgPalette()': 'boolean',
  'getFgColor()': 'number',
  'getBgColor()': 'number',
  'getFgColorMode()': 'number',
  'getBgColorMode()': 'number',
  'getUnderlineStyle()': 'number',
  'getUnderlineColor()': 'number',
  'isUnderlineColorRGB()': 'boolean',
  'isUnderlineColorPalette()': 'boolean',
}

type Terminal = InstanceType<typeof headless.Terminal>

/** A terminal in which everything has a value: character set, title, cursor, link, underline, composed character. */
async function busyTerminal(): Promise<Terminal> {
  const terminal = new headless.Terminal({ cols: 80, rows: 24, allowProposedApi: true })
  const text =
    '\x1b(0\x1b[3 q\x1b]2;title\x07\x1b]8;id=a;https://a.test\x07\x1b[4:3;38;5;1me\u0301\x1b]8;;\x07\x1b7'
  await new Promise<void>((resolve) => terminal.write(text, resolve))
  return terminal
}

test('the installed xterm is inside as snapshots and the memory of rows take it', async () => {
  const terminal = await busyTerminal()
  assert.deepEqual(shapeProblems(terminal, TERMINAL), [])
  const core = coreOf(terminal)
  assert.deepEqual(shapeProblems(core, CORE), [])
  assert.deepEqual(shapeProblems(core.buffers.normal.lines.get(0) ?? {}, ROW), [])
  assert.deepEqual(shapeProblems(core.buffers.normal.savedCurAttrData, ATTRIBUTES), [])
  assert.deepEqual(shapeProblems(terminal.buffer.normal.getLine(0)?.getCell(0) ?? {}, ATTRIBUTES), [])
  terminal.dispose()
})

test('cells take twelve bytes, and a clone is made with the row’s own class', async () => {
  const row = coreOf(await busyTerminal()).buffers.normal.lines.get(0)
  assert.equal(row?._data.byteLength, 80 * 12)
  const { constructor } = row
  assert.equal(new (constructor as new (columns: number) => { length: number })(0).length, 0)
})

test('a link is found by the number that its cells carry', async () => {
  const terminal = await busyTerminal()
  const cell = terminal.buffer.normal.getLine(0)?.getCell(0) as unknown as { extended: { urlId: number } }
  const link = coreOf(terminal)._oscLinkService.getLinkData(cell.extended.urlId)
  assert.equal(link?.uri, 'https://a.test')
})

test('a member that is gone, or is another, is named', () => {
  const changed = { _bufferService: { cols: '80', scroll: (): void => undefined } }
  assert.deepEqual(
    shapeProblems(changed, {
      '_bufferService.cols': 'number',
      '_bufferService.scroll': 'function/1',
      '_charsetService._charsets': 'array',
    }),
    [
      '_bufferService.cols is string, not number',
      '_bufferService.scroll is function/0, not function/1',
      '_charsetService._charsets is missing at _charsetService, not array',
    ],
  )
})
