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

/** At most so often a progress is reported. */
export const REPORT_EVERY_MS = 100

/** Most bytes of a file that describes the outside world. */
export const MAX_WORLD_BYTES = 4_194_304

/** Most memory that the program that unpacks may have; Node alone reserves a third of it, and uses little of that. */
export const UNPACK_DATA_BYTES = 1_610_612_736

/** Most that the program that unpacks may report in all: 20 lines a second for its whole time are far less. */
export const MAX_REPORTED_BYTES = 1_048_576

/** Most of what it complains about that is logged, in characters. */
export const MAX_COMPLAINT = 2_000

/** What it wrote is read for so long after its end; something else may hold its output open. */
export const READ_ON_MS = 1_000
