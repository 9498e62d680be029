/** Says how many cells a character takes: what xterm calls a provider of a Unicode version. */
export interface CellWidths {
  readonly version: string
  /** Cells of a character by itself. */
  wcwidth(codepoint: number): 0 | 1 | 2
  /**
   * Cells of a character behind another: bit 0 says that it joins that one, bits 1 and 2 are the cells of both together,
   * the bits above are remembered for the next call, whose `preceding` this value is.
   */
  charProperties(codepoint: number, preceding: number): number
}

/** What {@link countCells} needs of an xterm. */
export interface CountingTerminal {
  readonly unicode: { register(widths: CellWidths): void; activeVersion: string }
}

/** Asks for the coloured form of the character before it (VS16). */
const EMOJI_FORM = 0xfe0f

const JOINS = 1
const ONE_CELL = 1 << 1
const TWO_CELLS = 2 << 1
const MAY_BE_EMOJI = 1 << 3

const ONLY_TEXT = /^(?=\p{Emoji})\P{Emoji_Presentation}$/u
/** Answers of {@link ONLY_TEXT}, by character. */
const known = new Map<number, boolean>()

/**
 * A character that is text by itself and an emoji with U+FE0F behind it (❤️, ✔️, 1️⃣) takes two cells then, as today's
 * terminals and libraries count it (Unicode TS #51, emoji-variation-sequences); all else is as `base` says. The screen
 * that a runner sends and the terminal that shows it must count alike, or what stands behind such an emoji is moved.
 *
 * @param base widths of Unicode 11
 */
export function withEmojiWidths(base: CellWidths): CellWidths {
  return {
    version: `${base.version}-emoji`,
    wcwidth: (codepoint) => base.wcwidth(codepoint),
    charProperties: (codepoint, preceding) => {
      if (codepoint === EMOJI_FORM && (preceding & MAY_BE_EMOJI) !== 0) return TWO_CELLS | JOINS
      const found = base.charProperties(codepoint, preceding)
      return found === ONE_CELL && mayBeEmoji(codepoint) ? found | MAY_BE_EMOJI : found
    },
  }
}

/**
 * Has an xterm count so. `addon` is a new `Unicode11Addon` of `@xterm/addon-unicode11`; it hands its widths to whatever
 * registers them.
 */
export function countCells({ unicode }: CountingTerminal, addon: { activate(terminal: never): void }): void {
  const register = (base: CellWidths): void => {
    const widths = withEmojiWidths(base)
    unicode.register(widths)
    unicode.activeVersion = widths.version
  }
  addon.activate({ unicode: { register } } as never)
}

/** Digits, `#` and `*` too: they are the beginning of keycaps. */
function mayBeEmoji(codepoint: number): boolean {
  if (codepoint < 0xa9)
    return codepoint >= 0x30 ? codepoint <= 0x39 : codepoint === 0x23 || codepoint === 0x2a
  // Beyond these there are none, so that no stream of characters makes the table long.
  if ((codepoint > 0x3299 && codepoint < 0x1_f000) || codepoint > 0x1_faff) return false
  let answer = known.get(codepoint)
  if (answer === undefined) {
    answer = ONLY_TEXT.test(String.fromCodePoint(codepoint))
    known.set(codepoint, answer)
  }
  return answer
}
