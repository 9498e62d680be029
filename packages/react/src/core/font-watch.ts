/** What the probe shows: letters whose widths differ in every font that is not monospaced. */
const LETTERS = 'WWiigg'

/** CSS pixels; large, so that fonts of nearly the same widths differ by whole pixels. */
const PROBE_SIZE = 100

/** Out of sight, and out of the page's own rules. */
const ALONE =
  'all:initial!important;position:absolute!important;top:0!important;left:0!important;width:0!important;' +
  'height:0!important;overflow:hidden!important;visibility:hidden!important;white-space:pre!important'

const VARIANTS = ['400', '700', 'italic 400', 'italic 700']

/**
 * Tells when a list of fonts begins to mean other glyphs: a web font has come, for one of the variants or some of the
 * characters, or was taken away. Fonts that the list does not name are no news.
 *
 * Most changes are seen by their size, whatever brought them about; a font of the very same size is told by the page's
 * list of fonts. A font that fails leaves what is drawn meanwhile, and is no news either.
 */
export class FontWatch {
  readonly #probe: HTMLElement
  readonly #parts: readonly HTMLElement[]
  readonly #changed: () => void
  readonly #sizes: ResizeObserver
  readonly #ends = new AbortController()
  #family = ''
  /** Of the probe's parts, as they were last seen laid out. */
  #seen: string | undefined

  /** Watches for a terminal in `container`, as soon as it is told which fonts. */
  constructor(container: HTMLElement, changed: () => void) {
    const page = container.ownerDocument
    this.#changed = changed
    this.#probe = page.createElement('div')
    this.#probe.ariaHidden = 'true'
    this.#parts = VARIANTS.map(() => page.createElement('div'))
    this.#probe.append(...this.#parts)
    container.append(this.#probe)
    // Observers of another window know nothing of what is in this one.
    const { ResizeObserver: Sizes } = page.defaultView ?? window
    this.#sizes = new Sizes(() => this.#look())
    for (const part of this.#parts) {
      part.textContent = LETTERS
      this.#sizes.observe(part)
    }
    page.fonts.addEventListener('loadingdone', (event) => this.#loaded(event), { signal: this.#ends.signal })
  }

  /** Watches this CSS font list from now on. */
  watch(fontFamily: string): void {
    if (fontFamily === this.#family) return
    this.#family = fontFamily
    this.#probe.style.cssText = ALONE
    for (const [index, { style }] of this.#parts.entries()) {
      style.cssText = 'all:unset!important;display:block!important;width:max-content!important'
      style.setProperty('font', `${VARIANTS[index]} ${PROBE_SIZE}px ${fontFamily}`, 'important')
    }
    this.#seen = this.#measured()
  }

  dispose(): void {
    this.#ends.abort()
    this.#sizes.disconnect()
    this.#probe.remove()
  }

  #look(): void {
    const sizes = this.#measured()
    if (sizes === undefined || sizes === this.#seen) return
    this.#seen = sizes
    this.#changed()
  }

  #loaded({ fontfaces }: FontFaceSetLoadEvent): void {
    const names = new Set(this.#family.split(',').map(plainName))
    if (!fontfaces.some(({ family }) => names.has(plainName(family)))) return
    this.#seen = this.#measured()
    this.#changed()
  }

  /** `undefined` where nothing is laid out. */
  #measured(): string | undefined {
    if (this.#parts.every(({ offsetWidth }) => offsetWidth === 0)) return undefined
    return this.#parts.map(({ offsetWidth, offsetHeight }) => `${offsetWidth}×${offsetHeight}`).join()
  }
}

/** Of a family as a list of fonts or a face may write it. */
function plainName(family: string): string {
  return family
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2')
    .toLowerCase()
}
