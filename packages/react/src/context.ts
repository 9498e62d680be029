'use client'

import type { Cliscale, TokenSource } from '@cliscale/sdk'
import { type Context, createContext } from 'react'
import { SnapshotStore } from './core/snapshot-store.ts'
import type { TerminalController } from './core/terminal-controller.ts'

/** The terminals below a provider; hooks outside of a terminal mean the one that was mounted last. */
export class TerminalRegistry {
  readonly store: SnapshotStore<{ readonly current: TerminalController | null }> = new SnapshotStore<{
    readonly current: TerminalController | null
  }>({ current: null })
  readonly #mounted: TerminalController[] = []

  /** @returns what takes it out again */
  add(controller: TerminalController): () => void {
    this.#mounted.push(controller)
    this.store.set({ current: controller })
    return () => {
      this.#mounted.splice(this.#mounted.lastIndexOf(controller), 1)
      this.store.set({ current: this.#mounted.at(-1) ?? null })
    }
  }
}

/** Makes the token source of a session that a component knows only by its id. */
export type SessionTokenSource = (sessionId: string) => TokenSource

/** What a provider gives to the components and hooks below it. */
export interface CliscaleContextValue {
  readonly client: Cliscale | null
  readonly tokenSource: SessionTokenSource | null
  readonly registry: TerminalRegistry
}

/** Set by `<CliscaleProvider>`. */
export const CliscaleContext: Context<CliscaleContextValue | null> =
  createContext<CliscaleContextValue | null>(null)

/** Set by `<CliscaleTerminal>` for what is drawn inside of it. */
export const TerminalContext: Context<TerminalController | null> = createContext<TerminalController | null>(
  null,
)
