import { crc32, deflateRawSync, gzipSync } from 'node:zlib'

import { Header, Pax } from 'tar'

/** One entry of a tar archive that a test makes. */
export interface TarEntry {
  readonly path: string
  readonly content?: string | Uint8Array
  readonly type?:
    | 'File'
    | 'Directory'
    | 'SymbolicLink'
    | 'Link'
    | 'CharacterDevice'
    | 'BlockDevice'
    | 'FIFO'
    | 'ContiguousFile'
  readonly linkpath?: string
  readonly mode?: number
  /** What the header says instead of the truth. */
  readonly size?: number
  /** Paths in an extended header (pax), where they may be long and hold what a plain header cannot. */
  readonly pax?: { readonly path?: string; readonly linkpath?: string }
  /** Letter of the entry's type instead of the right one. */
  readonly letter?: string
}

/** A tar archive without compression. */
export function plainTar(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocksOf), Buffer.alloc(1_024)])
}

/** A tar archive, compressed with gzip. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  return gzipSync(plainTar(entries))
}

function blocksOf(entry: TarEntry): readonly Buffer[] {
  const { path, content = '', type = 'File', linkpath = '', mode = 0o755, size, letter, pax } = entry
  const data = Buffer.from(content as string)
  const header = new Header({ path, type, linkpath, mode, size: size ?? data.length, mtime: new Date(0) })
  header.encode()
  const block = header.block ?? Buffer.alloc(0)
  if (letter !== undefined) retype(block, letter)
  const extended = pax === undefined ? [] : [paxBlocks(pax)]
  return [...extended, block, data, Buffer.alloc((512 - (data.length % 512)) % 512)]
}

function paxBlocks(pax: NonNullable<TarEntry['pax']>): Buffer {
  return new Pax({ path: 'x', ...pax }, false).encode()
}

/** Sets a header's type and its checksum, which counts itself as eight spaces (pax(1), ustar header). */
function retype(block: Buffer, letter: string): void {
  block.write(letter, 156, 1, 'latin1')
  block.fill(' ', 148, 156)
  const sum = block.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1')
}

/** One entry of a zip archive that a test makes. */
export interface ZipEntry {
  readonly path: string
  readonly content?: string | Uint8Array
  /** Unix mode with file type; absent: made where there are none. */
  readonly mode?: number
  /** Default: deflate. */
  readonly method?: number
  /** General purpose bits (APPNOTE 4.4.4). */
  readonly flags?: number
  /** The name in front of the data, instead of the same. */
  readonly localPath?: string
  /** Size that the list of entries tells instead of the truth. */
  readonly size?: number
  /** Stands for no bytes of its own: its header is that of the entry with this index. */
  readonly sharesWith?: number
}

/** A zip archive. */
export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const locals: Buffer[] = []
  const offsets: number[] = []
  const central: Buffer[] = []
  let at = 0
  for (const entry of entries) {
    const packed = pack(entry)
    const offset = entry.sharesWith === undefined ? at : (offsets[entry.sharesWith] ?? 0)
    offsets.push(offset)
    if (entry.sharesWith === undefined) {
      const local = localHeader(entry, packed)
      locals.push(local, packed.data)
      at += local.length + packed.data.length
    }
    central.push(centralHeader(entry, packed, offset))
  }
  return assembleZip(Buffer.concat(locals), central)
}

/**
 * The construction of David Fifield ("A better zip bomb", 2019): the compressed data of each entry quotes the header of the
 * next one in a stored block and goes on with the next one's data, down to a kernel that all of them share.
 */
export function overlappingZip(names: readonly string[], kernelBytes: number): Buffer {
  const kernel = Buffer.alloc(kernelBytes, 'a')
  let packed: Packed = { method: 8, data: deflateRawSync(kernel), content: kernel }
  let body: Buffer = Buffer.alloc(0)
  const found: { readonly path: string; readonly packed: Packed; readonly fromEnd: number }[] = []
  for (const path of names.toReversed()) {
    const header = localHeader({ path }, packed)
    body = Buffer.concat([header, packed.data])
    found.unshift({ path, packed, fromEnd: body.length })
    packed = {
      method: 8,
      data: Buffer.concat([storedBlock(header.length), body]),
      content: Buffer.concat([header, packed.content]),
    }
  }
  return assembleZip(
    body,
    found.map((entry) => centralHeader(entry, entry.packed, body.length - entry.fromEnd)),
  )
}

/** Head of a deflate block that holds `length` bytes as they are and is not the last one (RFC 1951 §3.2.4). */
function storedBlock(length: number): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt16LE(length, 1)
  head.writeUInt16LE(length ^ 0xffff, 3)
  return head
}

interface Packed {
  readonly method: number
  readonly data: Buffer
  readonly content: Buffer
}

function pack({ content = '', method = 8 }: ZipEntry): Packed {
  const bytes = Buffer.from(content as string)
  return { method, data: method === 8 ? deflateRawSync(bytes) : bytes, content: bytes }
}

/** APPNOTE 4.3.7. */
function localHeader({ path, localPath = path, flags = 0, size }: ZipEntry, packed: Packed): Buffer {
  const name = Buffer.from(localPath)
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(20, 4)
  header.writeUInt16LE(flags | UTF8, 6)
  header.writeUInt16LE(packed.method, 8)
  writeSizes(header, 14, { packed, size })
  header.writeUInt16LE(name.length, 26)
  return Buffer.concat([header, name])
}

/** APPNOTE 4.3.12. */
function centralHeader({ path, mode, flags = 0, size }: ZipEntry, packed: Packed, offset: number): Buffer {
  const name = Buffer.from(path)
  const header = Buffer.alloc(46)
  header.writeUInt32LE(0x02014b50, 0)
  header.writeUInt16LE(mode === undefined ? 20 : (3 << 8) | 20, 4)
  header.writeUInt16LE(20, 6)
  header.writeUInt16LE(flags | UTF8, 8)
  header.writeUInt16LE(packed.method, 10)
  writeSizes(header, 16, { packed, size })
  header.writeUInt16LE(name.length, 28)
  header.writeUInt32LE(((mode ?? 0) << 16) >>> 0, 38)
  header.writeUInt32LE(offset, 42)
  return Buffer.concat([header, name])
}

/** Names are UTF-8 (APPNOTE 4.4.4, bit 11). */
const UTF8 = 0x800

function writeSizes(
  header: Buffer,
  at: number,
  { packed, size }: { readonly packed: Packed; readonly size: number | undefined },
): void {
  header.writeUInt32LE(crc32(packed.content), at)
  header.writeUInt32LE(packed.data.length, at + 4)
  header.writeUInt32LE(size ?? packed.content.length, at + 8)
}

/** Adds the list of entries and its end (APPNOTE 4.3.16). */
function assembleZip(body: Buffer, central: readonly Buffer[]): Buffer {
  const list = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(central.length, 8)
  end.writeUInt16LE(central.length, 10)
  end.writeUInt32LE(list.length, 12)
  end.writeUInt32LE(body.length, 16)
  return Buffer.concat([body, list, end])
}
