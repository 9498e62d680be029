import { plainColour } from './contrast-of-lines.ts'

/** The part of xterm's DOM renderer that is reached into. */
export interface LineRenderer {
  readonly _rowFactory?: { createRow?: (...line: never[]) => HTMLSpanElement[] }
}

/** Class of spans with nothing but characters that meet those above and below. */
export const LINE_CLASS = 'cliscale-lines'

/** Box drawing, blocks and Powerline's arrows. */
const LINE = /[\u2500-\u259F\uE0A0-\uE0D7]+/

const RUNS = new RegExp(`(${LINE.source})`)

/** Gives box drawing and blocks spans of their own, because they stand otherwise in their cells than text does. */
export function separateLines({ _rowFactory: factory }: LineRenderer): void {
  if (factory?.createRow === undefined) return
  const { createRow } = factory
  factory.createRow = (...line) => createRow.apply(factory, line).flatMap(separated)
}

function separated(span: HTMLSpanElement): HTMLSpanElement | HTMLSpanElement[] {
  const text = span.textContent
  if (!LINE.test(text)) return span
  const colour = plainColour(span)
  const runs = text.split(RUNS).filter((run) => run !== '')
  return runs.map((run, index) => {
    const part = index === runs.length - 1 ? span : (span.cloneNode() as HTMLSpanElement)
    part.textContent = run
    if (!LINE.test(run)) return part
    part.className += ` ${LINE_CLASS}`
    if (colour !== undefined) part.style.cssText += `color:${colour};`
    return part
  })
}
