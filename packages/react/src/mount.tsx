/**
 * A terminal for pages without React and without a bundler: everything that it needs is in this module.
 *
 * @packageDocumentation
 */
import type { Cliscale } from '@cliscale/sdk'
import { createElement, type ReactElement, useContext } from 'react'
import { flushSync } from 'react-dom'
import { createRoot } from 'react-dom/client'
import { CliscaleProvider } from './CliscaleProvider.tsx'
import { CliscaleTerminal, type TerminalLookProps } from './CliscaleTerminal.tsx'
import { TerminalContext } from './context.ts'
import type { TerminalController } from './core/terminal-controller.ts'
import { INITIAL_SNAPSHOT } from './core/terminal-snapshot.ts'
import { actionsOf, type TerminalHandle } from './hooks/useCliscaleTerminal.ts'
import type { TerminalSourceProps } from './hooks/useTerminalTarget.ts'

export { Cliscale, TokenSource } from '@cliscale/sdk'
export type { TerminalActions, TerminalHandle } from './hooks/useCliscaleTerminal.ts'
export type {
  SessionIdSource,
  SessionObjectSource,
  TerminalSourceProps,
  TokenOnlySource,
} from './hooks/useTerminalTarget.ts'

/** How a mounted terminal looks and whom it tells: what `<CliscaleTerminal>` takes, without what only React can give. */
export type MountLook = Omit<TerminalLookProps, 'renderOverlay' | 'children' | 'style'>

/** Where the session of a mounted terminal comes from, and how it looks. */
export type MountOptions = TerminalSourceProps &
  MountLook & {
    /** Gives tokens for `sessionId` where there is no `tokenSource`. */
    readonly client?: Cliscale
  }

/** A terminal on a page. */
export interface MountedTerminal {
  /** What is drawn right now, and what can be done with it. Read it anew for the present state. */
  readonly terminal: TerminalHandle
  /** Changes some of the options; one that is `undefined` gets its default. Only another session connects anew. */
  update(changes: Partial<MountOptions>): void
  /** Closes the connection and takes everything out of the page. The session goes on. Safe to call twice. */
  dispose(): void
}

/**
 * Shows a session's terminal in `element`, which needs a height. The rules of `styles.css` must be on the page.
 *
 * Listeners (`onExit`, `onStateChange`, …) are options; see `<CliscaleTerminal>` for all of them and their defaults.
 *
 * @throws {TypeError} when `element` is no element of a page
 */
export function mountTerminal(element: Element, options: MountOptions): MountedTerminal {
  if (!(element as Partial<Element> | null)?.ownerDocument?.defaultView)
    throw new TypeError('mountTerminal needs an element of the page: call it when the element is there.')
  // Of our own: React leaves its listeners on the element that it draws into.
  const frame = element.ownerDocument.createElement('div')
  frame.style.cssText = 'width:100%;height:100%;min-height:0'
  element.append(frame)
  const root = createRoot(frame)
  let controller: TerminalController | null = null
  let current: MountOptions | null = options
  const keep = (found: TerminalController | null): void => void (controller = found)
  const draw = (): void => {
    if (current !== null) flushSync(() => root.render(terminalOf(current as MountOptions, keep)))
  }
  draw()
  return {
    get terminal() {
      return { ...(controller?.store.get() ?? INITIAL_SNAPSHOT), ...actionsOf(controller) }
    },
    update: (changes) => {
      if (current !== null) current = { ...current, ...changes } as MountOptions
      draw()
    },
    dispose: () => {
      current = controller = null
      root.unmount()
      frame.remove()
    },
  }
}

function terminalOf(
  { client, ...props }: MountOptions,
  keep: (controller: TerminalController | null) => void,
): ReactElement {
  const terminal = createElement(CliscaleTerminal, props, createElement(Keep, { keep }))
  return client === undefined ? terminal : createElement(CliscaleProvider, { client }, terminal)
}

/** Hands the controller of the terminal that it is drawn in to its caller. */
function Keep({ keep }: { readonly keep: (controller: TerminalController | null) => void }): null {
  keep(useContext(TerminalContext))
  return null
}
