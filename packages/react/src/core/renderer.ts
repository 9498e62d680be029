import { WebglAddon } from '@xterm/addon-webgl'
import type { Terminal } from '@xterm/xterm'
import { readDimTextOf } from '../xterm-inside/dim-text.ts'

/** How a terminal draws. */
export type RendererName = 'webgl' | 'dom'

/** How it is to draw. `auto`: WebGL where a graphics processor does it. `webgl`: also where the main processor must. */
export type RendererChoice = 'auto' | 'webgl' | 'dom'

/**
 * Most terminals of a page that draw with WebGL at once. Chromium keeps 16 contexts per page and drops the oldest
 * without a word; staying below leaves some to the app.
 */
export const MAX_WEBGL_TERMINALS = 8

let leases = 0
let software: boolean | undefined

/**
 * Whether WebGL would be drawn by the main processor, as in most virtual machines: a frame then takes longer than
 * many frames of the DOM, and the whole page waits for it. Asked of the browser once.
 */
function isSoftware(): boolean {
  if (software !== undefined) return software
  const canvas = document.createElement('canvas')
  const context = canvas.getContext('webgl2', { failIfMajorPerformanceCaveat: true })
  if (context === null) return (software = true)
  // Not every browser takes its own software for a caveat.
  const info = context.getExtension('WEBGL_debug_renderer_info')
  const name = String(context.getParameter(info?.UNMASKED_RENDERER_WEBGL ?? context.RENDERER))
  context.getExtension('WEBGL_lose_context')?.loseContext()
  return (software = /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name))
}

/** Draws a terminal with WebGL while it is visible and a context is to be had, else with the DOM. */
export class RendererLease {
  readonly #terminal: Terminal
  readonly #onChange: (renderer: RendererName) => void
  #addon: WebglAddon | undefined
  /** A browser that took a context away once, or never gave one, is not asked again for this terminal. */
  #refused = false

  constructor(terminal: Terminal, onChange: (renderer: RendererName) => void) {
    this.#terminal = terminal
    this.#onChange = onChange
  }

  get name(): RendererName {
    return this.#addon === undefined ? 'dom' : 'webgl'
  }

  /** Takes a context if one is free. Does nothing when there is one already. */
  acquire(choice: RendererChoice): void {
    if (choice === 'dom' || this.#addon !== undefined || this.#refused) return
    if (leases >= MAX_WEBGL_TERMINALS || (choice === 'auto' && isSoftware())) return
    try {
      const addon = new WebglAddon()
      addon.onContextLoss(() => {
        this.#refused = true
        this.release()
      })
      this.#terminal.loadAddon(addon)
      readDimTextOf(addon)
      this.#addon = addon
      leases += 1
      this.#onChange('webgl')
    } catch {
      // No WebGL 2 here: the DOM renderer, which is in place already, is the answer.
      this.#refused = true
    }
  }

  /** Draws characters anew that were kept as pictures. */
  forgetGlyphs(): void {
    this.#addon?.clearTextureAtlas()
  }

  /** Gives the context back; the terminal goes on with the DOM. */
  release(): void {
    const addon = this.#addon
    if (addon === undefined) return
    this.#addon = undefined
    leases -= 1
    addon.dispose()
    this.#onChange('dom')
  }
}
