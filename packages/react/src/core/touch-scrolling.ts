import type { IDisposable, Terminal } from '@xterm/xterm'
import { scaleOf } from './scale.ts'

/** A finger that moves less than this, in CSS pixels, taps. */
export const TAP_SLOP_PX = 8

/** A page that was thrown loses this part of its speed in a millisecond. */
const FRICTION_PER_MS = 0.003

/** Speeds in CSS pixels per millisecond: slower ones end, faster ones are taken for this. */
const SLOWEST = 0.03
const FASTEST = 5

/** Only movement this recent, in milliseconds, makes a throw. */
const THROW_WINDOW_MS = 100

/** The part of a finger's way that a throw is measured by. */
interface Step {
  readonly y: number
  readonly at: number
}

/**
 * Lets a finger scroll, which xterm 6 does not know: the page follows the finger and goes on when it is thrown. Where a
 * wheel would not move the page but tell the program, in the alternate screen and in programs that follow the mouse, a
 * finger does the same, a line at a time.
 *
 * A container in which the screen has no room, as an observer's can be, is scrolled itself.
 *
 * The style sheet's `touch-action` keeps the browser from doing something of its own, so it need not wait for an answer to
 * each event: while the page is busy it would give the finger up.
 */
export function touchScrolling(terminal: Terminal, container: HTMLElement): IDisposable {
  const finger = new ScrollingFinger(terminal, container)
  const stops = new AbortController()
  const { signal } = stops
  container.addEventListener('touchstart', (event) => finger.start(event), { passive: true, signal })
  container.addEventListener('touchmove', (event) => finger.move(event), { passive: true, signal })
  container.addEventListener('touchend', ({ timeStamp }) => finger.end(timeStamp), { signal })
  container.addEventListener('touchcancel', () => finger.stop(), { signal })
  return {
    dispose: () => {
      stops.abort()
      finger.stop()
    },
  }
}

class ScrollingFinger {
  readonly #terminal: Terminal
  readonly #container: HTMLElement
  #from: Touch | undefined
  #scrolling = false
  #steps: Step[] = []
  /** Pixels that are not yet a line. */
  #rest = 0
  #frame = 0

  constructor(terminal: Terminal, container: HTMLElement) {
    this.#terminal = terminal
    this.#container = container
  }

  start({ touches }: TouchEvent): void {
    this.stop()
    const [touch] = touches
    if (touches.length === 1) this.#from = touch
  }

  move(event: TouchEvent): void {
    const [touch] = event.touches
    if (this.#from === undefined || touch === undefined) return
    if (event.touches.length > 1) return this.stop()
    const way = touch.clientY - this.#from.clientY
    if (!this.#scrolling && Math.abs(way) < TAP_SLOP_PX) return
    const last = this.#steps.at(-1)?.y ?? this.#from.clientY
    this.#scrolling = true
    const step = { y: touch.clientY, at: event.timeStamp }
    this.#steps = [...this.#steps.filter(({ at }) => step.at - at <= THROW_WINDOW_MS), step]
    this.#scroll(last - touch.clientY)
  }

  /** The finger is lifted: what it threw goes on by itself. */
  end(at: number): void {
    const [first, last] = [this.#steps[0], this.#steps.at(-1)]
    const thrown = this.#scrolling && first !== undefined && last !== undefined && last.at > first.at
    const still = last === undefined || at - last.at > THROW_WINDOW_MS
    this.#from = undefined
    this.#scrolling = false
    if (!thrown || still || matchMedia('(prefers-reduced-motion: reduce)').matches) return
    const speed = (first.y - last.y) / (last.at - first.at)
    this.#coast(Math.max(-FASTEST, Math.min(speed, FASTEST)), performance.now())
  }

  stop(): void {
    cancelAnimationFrame(this.#frame)
    this.#from = undefined
    this.#scrolling = false
    this.#steps = []
    this.#rest = 0
  }

  #coast(speed: number, since: number): void {
    if (Math.abs(speed) < SLOWEST) return
    this.#frame = requestAnimationFrame((now) => {
      const elapsed = Math.max(0, now - since)
      this.#scroll(speed * elapsed)
      this.#coast(speed * Math.exp(-FRICTION_PER_MS * elapsed), now)
    })
  }

  /** Down by so many pixels of the window. */
  #scroll(seen: number): void {
    const screen = this.#container.querySelector<HTMLElement>('.xterm-screen')
    if (screen === null) return
    const pixels = seen / scaleOf(screen).y
    // Its own height, because xterm's invisible input field can stand out below.
    if (screen.clientHeight > this.#container.clientHeight) return this.#container.scrollBy(0, pixels)
    const line = screen.clientHeight / this.#terminal.rows
    this.#rest += pixels
    const lines = Math.trunc(this.#rest / line)
    if (lines === 0) return
    this.#rest -= lines * line
    if (scrollsItself(this.#terminal)) this.#terminal.scrollLines(lines)
    else this.#turnWheel(screen, lines)
  }

  #turnWheel(screen: Element, lines: number): void {
    const { left, top, width, height } = screen.getBoundingClientRect()
    const at = this.#from ?? { clientX: left + width / 2, clientY: top + height / 2 }
    for (let turned = 0; turned < Math.abs(lines); turned += 1) {
      screen.dispatchEvent(
        new WheelEvent('wheel', {
          deltaY: Math.sign(lines),
          deltaMode: WheelEvent.DOM_DELTA_LINE,
          clientX: at.clientX,
          clientY: at.clientY,
          bubbles: true,
          cancelable: true,
        }),
      )
    }
  }
}

/** Whether a wheel moves the page and is no business of the program. */
function scrollsItself({ buffer, modes }: Terminal): boolean {
  const toProgram = modes.mouseTrackingMode !== 'none' && modes.mouseTrackingMode !== 'x10'
  return buffer.active.type === 'normal' && !toProgram
}
