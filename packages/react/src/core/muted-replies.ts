import type { IDisposable, IFunctionIdentifier, Terminal } from '@xterm/xterm'

/** CSI sequences that a terminal answers: device attributes, device status, mode and version reports. */
const QUERIES: readonly IFunctionIdentifier[] = [
  { final: 'c' },
  { prefix: '>', final: 'c' },
  { prefix: '=', final: 'c' },
  { final: 'n' },
  { prefix: '?', final: 'n' },
  { intermediates: '$', final: 'p' },
  { prefix: '?', intermediates: '$', final: 'p' },
  { prefix: '>', final: 'q' },
  { final: 't' },
  { prefix: '?', final: 'u' },
]

/** OSC numbers that set a colour, or report it when their argument is a question mark. */
const COLOUR_REPORTS = [4, 10, 11, 12] as const

/**
 * Keeps a terminal from answering queries while `muted()` is true: what is replayed was asked, and answered, long ago,
 * and a second answer would be typed into whatever reads the input now.
 *
 * The queries are caught in the parser and not in the data that the terminal emits, because there an answer such as
 * `CSI 1;2 R` cannot be told from the key Shift+F3.
 */
export function muteReplies(terminal: Terminal, muted: () => boolean): IDisposable {
  const { parser } = terminal
  const handlers: IDisposable[] = [
    ...QUERIES.map((id) => parser.registerCsiHandler(id, muted)),
    parser.registerDcsHandler({ intermediates: '$', final: 'q' }, muted),
    parser.registerDcsHandler({ intermediates: '+', final: 'q' }, muted),
    ...COLOUR_REPORTS.map((number) =>
      parser.registerOscHandler(number, (data) => muted() && data.split(';').includes('?')),
    ),
  ]
  return { dispose: () => handlers.forEach((handler) => handler.dispose()) }
}

/** What xterm emits by itself when a program switches focus reports on; the only answer that no query precedes. */
export function isFocusReport(data: string): boolean {
  return data === '\u001B[I' || data === '\u001B[O'
}
