import type { IDisposable, Terminal } from '@xterm/xterm'

/**
 * What an app's own listener says to a key: a text to send for it, `false` to keep it from the program, or nothing to
 * leave it to the terminal.
 */
export type KeyAnswer = string | false | undefined | void

/** Keys that old terminals cannot tell apart when they are held with others, and their numbers in kitty's protocol. */
const CODES: Readonly<Partial<Record<string, number>>> = { Enter: 13, Tab: 9, Backspace: 127 }

/**
 * What a key sends where xterm would send less than the program can know. `extended`: the program asked for kitty's
 * keyboard protocol.
 *
 * @returns `undefined` when xterm knows the key as well
 */
export function keyText(event: KeyboardEvent, extended: boolean, isMac: boolean): string | undefined {
  if (event.type !== 'keydown' || event.isComposing || event.metaKey) return undefined
  const code = CODES[event.key]
  if (code !== undefined) return extended ? extendedText(event, code) : plainText(event)
  return isMac ? metaText(event) : undefined
}

/** A new line instead of the end of the input: CLIs take what Alt+Enter sends for it. */
function plainText({ key, shiftKey, altKey, ctrlKey }: KeyboardEvent): string | undefined {
  return key === 'Enter' && shiftKey && !altKey && !ctrlKey ? '\u001B\r' : undefined
}

function extendedText({ key, shiftKey, altKey, ctrlKey }: KeyboardEvent, code: number): string | undefined {
  const modifiers = (shiftKey ? 1 : 0) + (altKey ? 2 : 0) + (ctrlKey ? 4 : 0)
  // Shift+Tab and Alt+Backspace have had texts of their own for ever.
  const isOld = (key === 'Tab' && modifiers === 1) || (key === 'Backspace' && modifiers === 2)
  return modifiers === 0 || isOld ? undefined : `\u001B[${code};${modifiers + 1}u`
}

/** Option as Meta, except where the keyboard makes a character of ASCII with it, as many do with `@`, `[` and `{`. */
function metaText({ key, code, altKey, shiftKey, ctrlKey }: KeyboardEvent): string | undefined {
  if (!altKey || ctrlKey || /^[ -~]$/.test(key)) return undefined
  const base = /^(?:Key([A-Z])|Digit(\d))$/.exec(code)
  if (base === null || (key.length !== 1 && key !== 'Dead')) return undefined
  const letter = base[2] ?? (shiftKey ? base[1] : base[1]?.toLowerCase()) ?? ''
  return `\u001B${letter}`
}

/** Which keyboard protocol the program asked for, https://sw.kovidgoyal.net/kitty/keyboard-protocol/: of each buffer a stack. */
export class KeyboardModes implements IDisposable {
  readonly #stacks: Record<'normal' | 'alternate', number[]> = { normal: [], alternate: [] }
  readonly #disposables: readonly IDisposable[]
  readonly #terminal: Terminal

  /** Follows what programs ask for; the question whether it is there is left open, because it is there in part. */
  constructor(terminal: Terminal) {
    this.#terminal = terminal
    const { parser } = terminal
    const on = (
      prefix: string,
      change: (stack: number[], first: number, second: number) => void,
    ): IDisposable =>
      parser.registerCsiHandler({ prefix, final: 'u' }, ([first, second]) => {
        change(this.#stack, Number(first ?? 0), Number(second ?? 0))
        return true
      })
    this.#disposables = [
      on('>', (stack, flags) => {
        if (stack.push(flags) > 32) stack.shift()
      }),
      on('<', (stack, count) => void stack.splice(Math.max(0, stack.length - Math.max(1, count)))),
      on('=', (stack, flags, how) => {
        const before = stack.at(-1) ?? 0
        stack.splice(-1, 1, how === 2 ? before | flags : how === 3 ? before & ~flags : flags)
      }),
      parser.registerEscHandler({ final: 'c' }, () => {
        this.#stacks.normal.length = this.#stacks.alternate.length = 0
        return false
      }),
    ]
  }

  /** Whether keys are to be told apart. */
  get extended(): boolean {
    return ((this.#stack.at(-1) ?? 0) & 1) === 1
  }

  get #stack(): number[] {
    return this.#stacks[this.#terminal.buffer.active.type]
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose()
  }
}
