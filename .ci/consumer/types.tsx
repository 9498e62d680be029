// Compiled, never run: what an app writes against the published types.
import { CliscaleTerminal } from '@cliscale/react'
import { type MountedTerminal, mountTerminal, TokenSource } from '@cliscale/react/mount'
import '@cliscale/react/styles.css'
import { Cliscale } from '@cliscale/sdk'
import { CliscaleError } from '@cliscale/sdk/errors'
import { PROTOCOL_VERSION } from '@cliscale/sdk/protocol'
import * as server from '@cliscale/server'

export const client = new Cliscale({ baseUrl: 'http://127.0.0.1:7680' })
export const version: number = PROTOCOL_VERSION
export const isOurs = (error: unknown): error is CliscaleError => error instanceof CliscaleError
export const Shell: typeof CliscaleTerminal = CliscaleTerminal
export const parts: readonly string[] = Object.keys(server)
export const mounted = (element: Element): MountedTerminal =>
  mountTerminal(element, { tokenSource: TokenSource.endpoint('/api/terminal'), fontSize: 16 })
