import type { IBuffer, IBufferLine } from '@xterm/headless'

import { Pen } from './rendition.ts'
import type { Cell, Links } from './core.ts'

/** About five milliseconds' worth. */
const ROWS_PER_TURN = 50

/**
 * All rows of a buffer, scrollback included, as the sequences that make a fresh terminal of the same width show them:
 * characters, attributes, links, coloured emptiness, and which rows are the rest of a longer line.
 *
 * (`@xterm/addon-serialize` 0.14 loses coloured rows below the last text, underline styles and links, and shows junk
 * where a wrapped line's beginning was erased.)
 *
 * Of a wide character that was torn in two by an insertion xterm.js keeps a cell of no width, for which there is no
 * sequence: it becomes a blank.
 *
 * Lets the event loop turn between some rows and the next: a full scrollback takes a tenth of a second. The buffer must
 * not change meanwhile.
 */
export async function serializeRows(buffer: IBuffer, columns: number, links: Links): Promise<string> {
  const writer = new RowWriter(columns, links)
  for (let y = 0; y < buffer.length; y++) {
    if (y % ROWS_PER_TURN === ROWS_PER_TURN - 1) await new Promise((resolve) => setImmediate(resolve))
    const line = buffer.getLine(y)
    if (line !== undefined) writer.row(line, y === 0 ? undefined : buffer.getLine(y - 1))
  }
  return writer.end()
}

class RowWriter {
  readonly #columns: number
  readonly #pen: Pen
  readonly #pieces: string[] = []
  /** Where the cursor stands; as many as there are columns: past the last one, so that the next character wraps. */
  #column = 0
  #cell: Cell | undefined

  constructor(columns: number, links: Links) {
    this.#columns = columns
    this.#pen = new Pen(links)
  }

  row(line: IBufferLine, above: IBufferLine | undefined): void {
    if (above !== undefined && line.isWrapped) this.#wrap(line, above)
    else {
      if (above !== undefined) this.#put(`${this.#pen.reset()}\r\n`)
      this.#column = 0
    }
    this.#cells(line)
  }

  end(): string {
    this.#put(this.#pen.reset())
    return this.#pieces.join('')
  }

  #put(text: string): void {
    if (text !== '') this.#pieces.push(text)
  }

  /** Prints what is in the row from the cursor on. */
  #cells(line: IBufferLine): void {
    for (let x = this.#column; x < this.#columns;) {
      const cell = this.#at(line, x)
      if (textOf(cell) === '') {
        x += this.#emptiness(line, x)
        continue
      }
      this.#moveTo(x)
      this.#print(cell)
      x += Math.max(1, cell.getWidth())
    }
  }

  #print(cell: Cell): void {
    this.#put(this.#pen.set(cell) + textOf(cell))
    this.#column += Math.max(1, cell.getWidth())
  }

  /** Cells from `x` on that hold nothing, on one background. Returns how many. */
  #emptiness(line: IBufferLine, x: number): number {
    const { bg } = this.#at(line, x)
    let end = x + 1
    while (end < this.#columns) {
      const cell = this.#at(line, end)
      if (textOf(cell) !== '' || cell.bg !== bg) break
      end++
    }
    const cell = this.#at(line, x)
    if (!cell.isBgDefault()) {
      this.#moveTo(x)
      this.#put(`${this.#pen.set(cell)}\x1b[${end - x}X`)
    }
    return end - x
  }

  #moveTo(x: number): void {
    if (x > this.#column) this.#put(`\x1b[${x - this.#column}C`)
    this.#column = x
  }

  /** Goes on in the next row as a terminal does of itself: by printing past the last column. */
  #wrap(line: IBufferLine, above: IBufferLine): void {
    const patched = this.#column < this.#columns
    if (patched) {
      this.#moveTo(this.#columns - 1)
      this.#put(`${this.#pen.reset()} `)
    }
    this.#column = 0
    const first = this.#at(line, 0)
    const empty = textOf(first) === ''
    if (empty) this.#put(`${this.#pen.reset()} `)
    else this.#print(first)
    // A row that scrolled in is filled with the pen's background.
    if (!this.#pen.plain) this.#put(`${this.#pen.reset()}\x1b[K`)
    if (patched) {
      const pen = this.#pen.set(this.#at(above, this.#columns - 1))
      this.#put(`${pen}\x1b[A\x1b[${this.#columns}G\x1b[X\x1b[B\x1b[${this.#column + 1}G`)
    }
    if (empty) this.#put(`${this.#pen.reset()}${patched ? '' : '\b'}\x1b[X`)
  }

  /** The cell is reused; it is valid until the next call. */
  #at(line: IBufferLine, x: number): Cell {
    this.#cell = (line.getCell(x, this.#cell) ?? this.#cell) as Cell
    return this.#cell
  }
}

/** What to print for a cell; nothing if it is empty. An empty cell that is inverted or struck through shows as a space. */
function textOf(cell: Cell): string {
  const chars = cell.getChars()
  if (chars !== '' || cell.getWidth() === 0) return chars
  const decorated = cell.isInverse() | cell.isUnderline() | cell.isStrikethrough() | cell.isOverline()
  return decorated === 0 ? '' : ' '
}
