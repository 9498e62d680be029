import assert from 'node:assert/strict'

import { countCells } from '@cliscale/sdk/protocol'
import { Unicode11Addon } from '@xterm/addon-unicode11'
import headless from '@xterm/headless'

import { scanGround } from '../../src/terminal/ground.ts'
import { Screen, type ScreenOptions } from '../../src/terminal/screen.ts'
import { describeTerminal } from './describe-terminal.ts'

/** A terminal as a client has it. */
class Client {
  readonly terminal: headless.Terminal

  constructor({ columns, rows, scrollbackLines }: ScreenOptions) {
    this.terminal = new headless.Terminal({
      cols: columns,
      rows,
      scrollback: scrollbackLines,
      allowProposedApi: true,
      logLevel: 'off',
    })
    countCells(this.terminal, new Unicode11Addon())
  }

  async write(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve) => this.terminal.write(bytes, resolve))
  }
}

async function snapshotOf(bytes: Uint8Array, size: ScreenOptions): Promise<string> {
  const screen = new Screen(size)
  await screen.write(bytes)
  return screen.serialize()
}

/** The same screen come by in two ways. */
export interface Clients {
  readonly original: Client
  readonly copy: Client
}

/** A client that saw everything, and one that was given a snapshot. */
export async function bothClients(bytes: Uint8Array, size: ScreenOptions): Promise<Clients> {
  const original = new Client(size)
  await original.write(bytes)
  const copy = new Client(size)
  await copy.write(await snapshotOf(bytes, size))
  return { original, copy }
}

/** @param wraps also which rows are the rest of a longer line; where the first row is one, no snapshot can say so */
export function assertSame({ original, copy }: Clients, wraps = true): void {
  assert.deepEqual(describeTerminal(copy.terminal, wraps), describeTerminal(original.terminal, wraps))
}

/** Takes a snapshot at several places of a recording; it must look like the original then, and after the rest. */
export async function assertSameAnywhere(recording: Uint8Array, size: ScreenOptions): Promise<void> {
  const parts = 12
  for (let part = 1; part <= parts; part++) {
    const wanted = Math.floor((recording.length * part) / parts)
    const cut = Math.max(0, scanGround('ground', recording.subarray(0, wanted)).lastGround)
    const clients = await bothClients(recording.subarray(0, cut), size)
    assertSame(clients)
    await clients.original.write(recording.subarray(cut))
    await clients.copy.write(recording.subarray(cut))
    assertSame(clients, false)
  }
}
