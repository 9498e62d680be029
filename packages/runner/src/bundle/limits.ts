import { BUNDLE } from '@cliscale/sdk/protocol'

/** Bounds of a download. */
export const FETCH_LIMITS = {
  /** Bytes of the archive. */
  bytes: BUNDLE.maxDownloadBytes,
  /** Milliseconds for the whole download, with all its attempts. */
  totalMs: BUNDLE.timeoutMs,
  /** Milliseconds without a byte, from the first packet to the host on. */
  silentMs: 20_000,
  /** Addresses to which one download may be redirected, one after the other. */
  redirects: 5,
} as const

/** Bounds of unpacking. The program that unpacks is told them, and the runner holds it to the time. */
export interface UnpackLimits {
  /** Milliseconds from the program's start to its end. */
  readonly timeMs: number
  /** Bytes of all files together. */
  readonly bytes: number
  /** Files, folders and links, with the folders that only paths name. */
  readonly entries: number
  /** UTF-8 bytes of one path. */
  readonly pathBytes: number
  /** UTF-8 bytes of one name in a path. */
  readonly nameBytes: number
  /** Names in one path. */
  readonly depth: number
  /** Bytes that come out for each byte that goes in, in one entry and in all. */
  readonly ratio: number
  /** So many bytes may come out before the ratio is looked at. */
  readonly ratioFreeBytes: number
}

/** What is allowed unless somebody says otherwise. */
export const UNPACK_LIMITS: UnpackLimits = {
  timeMs: 120_000,
  bytes: BUNDLE.maxExpandedBytes,
  entries: BUNDLE.maxEntries,
  pathBytes: 1_024,
  nameBytes: 255,
  depth: 64,
  ratio: 250,
  ratioFreeBytes: 33_554_432,
}
