import { create, type Player } from 'asciinema-player'
import type { Asciicast } from './asciicast.ts'

/** How a recording is played. */
export interface PlayerLook {
  readonly autoPlay: boolean
  /** 2 = twice as fast. */
  readonly speed: number
  /** Pauses are cut down to this many seconds; `undefined`: they are kept. */
  readonly idleTimeLimit: number | undefined
  readonly fit: 'both' | 'width' | 'height' | 'none'
  readonly fontFamily: string
  /** Seconds from the beginning. */
  readonly startAt: number
}

/** Puts a player into `container`. Its colours come from style sheets, by the class `asciinema-player-theme-cliscale`. */
export function createPlayer(container: HTMLElement, cast: Asciicast, look: PlayerLook): Player {
  const { autoPlay, speed, idleTimeLimit, fit, fontFamily, startAt } = look
  const player = create({ data: [...cast] }, container, {
    theme: 'cliscale',
    controls: true,
    preload: true,
    fit,
    speed,
    terminalFontFamily: fontFamily,
    ...(idleTimeLimit === undefined ? {} : { idleTimeLimit }),
    ...(startAt > 0 ? {} : autoPlay ? { autoPlay } : { poster: LAST_SCREEN }),
  })
  if (startAt > 0) void goOn(player, startAt, autoPlay)
  return player
}

async function goOn(player: Player, startAt: number, autoPlay: boolean): Promise<void> {
  await player.seek(startAt)
  if (autoPlay) await player.play()
}

/** A time after every end: what was on the screen then says best what the recording is about. */
const LAST_SCREEN = 'npt:99999999'

export type { Player } from 'asciinema-player'
