import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

import type { UnpackLimits } from '../src/bundle/limits.ts'
import { overlappingZip, plainTar, tarOf, type TarEntry, zipOf } from './support/archives.ts'
import { installHere, surroundings, treeOf } from './support/install-here.ts'

const TOOL: TarEntry = { path: 'bin/tool', content: '#!/bin/sh\necho tool\n' }

/** Small enough to be reached by small archives. */
const LIMITS: Partial<UnpackLimits> = { bytes: 4_000_000, entries: 60, ratio: 50, ratioFreeBytes: 100_000 }

interface Hostile {
  readonly what: string
  readonly archive: Buffer
  /** `code: sentence` of its refusal. */
  readonly said: RegExp
}

const link = (path: string, linkpath: string): TarEntry => ({ path, type: 'SymbolicLink', linkpath })
const hardLink = (path: string, linkpath: string): TarEntry => ({ path, type: 'Link', linkpath })
const file = (path: string): TarEntry => ({ path, content: 'x' })
const entries = (count: number): TarEntry[] => Array.from({ length: count }, (_, i) => file(`f${i}`))
const invalid = (sentence: string): RegExp => new RegExp(`^BUNDLE_INVALID: The entry ".*" ${sentence}\\.$`)
const tooLarge = (sentence: string): RegExp => new RegExp(`^BUNDLE_TOO_LARGE: .*${sentence}\\.$`)

const OUTSIDE = invalid('lies outside the archive')
const LINKS_OUT = invalid('links to the outside')
const THROUGH_LINK = invalid('links through another link')
const BELOW_LINK = invalid('lies below a link')
const HARD_LINK = invalid('is a hard link to what is no file of the bundle before it')
const TWICE = invalid('is there twice')
const SPECIAL = invalid('is neither file, folder nor link')
const DAMAGED = /^BUNDLE_INVALID: The bundle is damaged: it cannot be read to its end\.$/
const NO_ARCHIVE = /^BUNDLE_INVALID: The bundle is neither a tar nor a zip archive\.$/

const NAMES: readonly Hostile[] = [
  { what: 'a name that climbs out', archive: tarOf([TOOL, file('../evil')]), said: OUTSIDE },
  { what: 'a name that climbs out from below', archive: tarOf([file('a/../../evil')]), said: OUTSIDE },
  { what: 'a name with .. that stays inside', archive: tarOf([file('a/../evil')]), said: OUTSIDE },
  { what: 'a name that is ..', archive: tarOf([{ path: 'a/..', type: 'Directory' }]), said: OUTSIDE },
  { what: 'an absolute name', archive: tarOf([file('/evil')]), said: OUTSIDE },
  { what: 'an absolute name of many slashes', archive: tarOf([file('///evil')]), said: OUTSIDE },
  {
    what: 'a backslash in a name',
    archive: tarOf([file('..\\evil')]),
    said: invalid('has a backslash in its name'),
  },
  {
    what: 'a NUL in a name',
    archive: tarOf([{ ...file('x'), pax: { path: 'good\0/../../evil' } }]),
    said: invalid('has a NUL in its name'),
  },
  {
    what: 'a name that climbs out in an extended header',
    archive: tarOf([{ ...file('good'), pax: { path: '../evil' } }]),
    said: OUTSIDE,
  },
  { what: 'a file without a name', archive: tarOf([file('./.')]), said: invalid('has no name') },
  { what: 'a name twice', archive: tarOf([file('a/b'), file('./a//b')]), said: TWICE },
  {
    what: 'a folder where a file is',
    archive: tarOf([file('a'), { path: 'a', type: 'Directory' }]),
    said: TWICE,
  },
  {
    what: 'an entry below a file',
    archive: tarOf([file('a'), file('a/b')]),
    said: invalid('lies below something that is no folder'),
  },
  {
    what: 'a name of more bytes than a file system has',
    archive: tarOf([{ ...file('x'), pax: { path: 'é'.repeat(128) } }]),
    said: tooLarge('has a name of more than 255 bytes'),
  },
  {
    what: 'a path of too many bytes',
    archive: tarOf([{ ...file('x'), pax: { path: Array<string>(8).fill('y'.repeat(150)).join('/') } }]),
    said: tooLarge('has a path of more than 1024 bytes'),
  },
  {
    what: 'too many folders in each other',
    archive: tarOf([{ ...file('x'), pax: { path: `${'d/'.repeat(65)}f` } }]),
    said: tooLarge('lies more than 64 folders deep'),
  },
  {
    what: 'a name that would move the cursor',
    archive: tarOf([file('../\x1b[2J\u009b2J\u202e')]),
    said: /^BUNDLE_INVALID: The entry "\.\.\/\\u001b\[2J\\u\{9b\}2J\\u\{202e\}" lies outside the archive\.$/,
  },
]

const LINKS: readonly Hostile[] = [
  { what: 'a link to the outside', archive: tarOf([link('a', '../..')]), said: LINKS_OUT },
  { what: 'a link to the outside from below', archive: tarOf([link('a/b', '../../evil')]), said: LINKS_OUT },
  { what: 'a link that leaves and comes back', archive: tarOf([link('a', '../work/x')]), said: LINKS_OUT },
  { what: 'an absolute link', archive: tarOf([link('a', '/etc')]), said: LINKS_OUT },
  { what: 'a file below a link', archive: tarOf([link('a', '.'), file('a/b')]), said: BELOW_LINK },
  { what: 'a link below a link', archive: tarOf([link('a', '.'), link('a/b', '..')]), said: BELOW_LINK },
  {
    what: 'links that climb out together',
    archive: tarOf([
      { path: 'd/e', type: 'Directory' },
      link('l', 'd/e'),
      link('up', 'l/../../..'),
      file('up2'),
    ]),
    said: THROUGH_LINK,
  },
  {
    what: 'a link through one that comes after it',
    archive: tarOf([link('out', 'l/../../etc'), { path: 'd/e/f', type: 'Directory' }, link('l', 'd/e/f')]),
    said: THROUGH_LINK,
  },
  {
    what: 'a link that takes the place of a folder',
    archive: tarOf([file('a/b'), link('a', 'c')]),
    said: TWICE,
  },
  { what: 'a file that is written through a link', archive: tarOf([link('a', 'b'), file('a')]), said: TWICE },
  {
    what: 'a link to a NUL',
    archive: tarOf([{ ...link('a', 'b'), pax: { linkpath: 'b\0../..' } }]),
    said: invalid('has a NUL in its name'),
  },
  { what: 'a hard link to the outside', archive: tarOf([hardLink('a', '../evil')]), said: LINKS_OUT },
  { what: 'an absolute hard link', archive: tarOf([hardLink('a', '/etc/passwd')]), said: LINKS_OUT },
  { what: 'a hard link to nothing', archive: tarOf([hardLink('a', 'b')]), said: HARD_LINK },
  { what: 'a hard link to itself', archive: tarOf([hardLink('a', 'a')]), said: HARD_LINK },
  { what: 'a hard link to a link', archive: tarOf([link('l', 'x'), hardLink('a', 'l')]), said: HARD_LINK },
  {
    what: 'a hard link through a link',
    archive: tarOf([file('d/f'), link('l', 'd'), hardLink('a', 'l/f')]),
    said: HARD_LINK,
  },
  {
    what: 'a hard link to a folder',
    archive: tarOf([{ path: 'd', type: 'Directory' }, hardLink('a', 'd')]),
    said: HARD_LINK,
  },
]

const KINDS: readonly Hostile[] = [
  { what: 'a character device', archive: tarOf([{ path: 'a', type: 'CharacterDevice' }]), said: SPECIAL },
  { what: 'a block device', archive: tarOf([{ path: 'a', type: 'BlockDevice' }]), said: SPECIAL },
  { what: 'a FIFO', archive: tarOf([{ path: 'a', type: 'FIFO' }]), said: SPECIAL },
  {
    what: 'an entry of an unknown kind',
    archive: tarOf([TOOL, { ...file('a'), letter: 'Q' }]),
    said: SPECIAL,
  },
  { what: 'a sparse file', archive: tarOf([{ ...file('a'), letter: 'S' }]), said: SPECIAL },
]

const BOMBS: readonly Hostile[] = [
  { what: 'too many entries', archive: tarOf(entries(61)), said: tooLarge('has more than 60 entries') },
  {
    what: 'too many folders that only paths name',
    archive: tarOf([file(`${'d/'.repeat(40)}f`), file(`${'e/'.repeat(40)}f`)]),
    said: tooLarge('has more than 60 entries'),
  },
  {
    what: 'too large a file',
    archive: tarOf([{ ...file('a'), size: 5_000_000 }]),
    said: tooLarge('unpacks to more than 4000000 bytes'),
  },
  {
    what: 'too much in all',
    archive: plainTar([1, 2, 3, 4, 5].map((i) => ({ path: `f${i}`, content: Buffer.alloc(900_000, i) }))),
    said: tooLarge('unpacks to more than 4000000 bytes'),
  },
  {
    what: 'a file of nothing but zeros in a tar.gz',
    archive: tarOf([{ path: 'zeros', content: Buffer.alloc(3_000_000) }]),
    said: tooLarge('unpacks to more than 50 times its .*size'),
  },
  {
    what: 'a tar.gz of many small files of zeros',
    archive: tarOf(Array.from({ length: 40 }, (_, i) => ({ path: `f${i}`, content: Buffer.alloc(90_000) }))),
    said: tooLarge('unpacks to more than 50 times its own size'),
  },
  { what: 'a tar.gz in a tar.gz in its place', archive: gzipSync(tarOf([TOOL])), said: NO_ARCHIVE },
  {
    what: 'a zip whose entries share their bytes',
    archive: overlappingZip(['a', 'b', 'c', 'd'], 50_000),
    said: invalid('shares its bytes with another entry'),
  },
  {
    what: 'a zip with one header for two entries',
    archive: zipOf([
      { path: 'a', content: 'x' },
      { path: 'a', sharesWith: 0, content: 'x' },
    ]),
    said: TWICE,
  },
  {
    what: 'a zip bomb of one file',
    archive: zipOf([{ path: 'zeros', content: Buffer.alloc(3_000_000) }]),
    said: tooLarge('The entry "zeros" unpacks to more than 50 times its packed size|50 times its own size'),
  },
  {
    what: 'a zip bomb that tells a small size',
    archive: zipOf([{ path: 'a', content: Buffer.alloc(3_000_000, 'x'), size: 10 }]),
    said: invalid('does not have the size that the archive tells'),
  },
  {
    what: 'a zip entry that is smaller than it tells',
    archive: zipOf([{ path: 'a', content: 'x', size: 10 }]),
    said: invalid('does not have the size that the archive tells'),
  },
  {
    what: 'a stored zip entry with two sizes',
    archive: zipOf([{ path: 'a', content: 'x', method: 0, size: 1_000 }]),
    said: invalid('does not have the size that the archive tells'),
  },
  {
    what: 'a zip with too many entries',
    archive: zipOf(Array.from({ length: 61 }, (_, i) => ({ path: `f${i}` }))),
    said: tooLarge('has more than 60 entries'),
  },
]

const ZIPS: readonly Hostile[] = [
  { what: 'a zip name that climbs out', archive: zipOf([{ path: '../evil' }]), said: OUTSIDE },
  { what: 'an absolute zip name', archive: zipOf([{ path: '/evil' }]), said: OUTSIDE },
  {
    what: 'a backslash in a zip name',
    archive: zipOf([{ path: '..\\evil' }]),
    said: invalid('has a backslash in its name'),
  },
  { what: 'a NUL in a zip name', archive: zipOf([{ path: 'a\0b' }]), said: invalid('has a NUL in its name') },
  { what: 'an empty zip name', archive: zipOf([{ path: '' }]), said: invalid('has no name') },
  {
    what: 'a zip name that is another one in front of the data',
    archive: zipOf([{ path: 'good', localPath: 'evil' }]),
    said: invalid('has another name in front of its data than in the list of entries'),
  },
  {
    what: 'a symbolic link in a zip',
    archive: zipOf([{ path: 'a', content: '../evil', mode: 0o120777 }]),
    said: invalid('is a symbolic link, which a zip bundle may not hold'),
  },
  { what: 'a device in a zip', archive: zipOf([{ path: 'a', mode: 0o020666 }]), said: SPECIAL },
  { what: 'a socket in a zip', archive: zipOf([{ path: 'a', mode: 0o140666 }]), said: SPECIAL },
  {
    what: 'an encrypted zip',
    archive: zipOf([{ path: 'a', content: 'x', flags: 1 }]),
    said: invalid('is encrypted'),
  },
  {
    what: 'a zip with a compression that nobody knows',
    archive: zipOf([{ path: 'a', content: 'x', method: 99 }]),
    said: invalid('is compressed in a way that is not supported'),
  },
]

const DAMAGES: readonly Hostile[] = [
  { what: 'no archive', archive: Buffer.from('this is no archive at all'), said: NO_ARCHIVE },
  { what: 'an empty file', archive: Buffer.alloc(0), said: NO_ARCHIVE },
  { what: 'half a tar.gz', archive: tarOf([TOOL]).subarray(0, 60), said: DAMAGED },
  {
    what: 'half a tar',
    archive: plainTar([{ path: 'a', content: 'x'.repeat(4_000) }]).subarray(0, 2_048),
    said: DAMAGED,
  },
  { what: 'half a zip', archive: Buffer.from('PK\x03\x04 and nothing more'), said: DAMAGED },
  { what: 'a tar with a wrong checksum', archive: gzipSync(plainTar([TOOL]).fill('z', 0, 3)), said: DAMAGED },
  { what: 'a gzip of something else', archive: gzipSync('x'.repeat(2_000)), said: DAMAGED },
]

for (const { what, archive, said } of [...NAMES, ...LINKS, ...KINDS, ...BOMBS, ...ZIPS, ...DAMAGES]) {
  test(`${what} is refused; nothing is left of it, and nothing outside changes`, async (t) => {
    const { root, work } = surroundings(t)
    const before = treeOf(root)
    const outcome = await installHere(t, archive, { folder: work, limits: LIMITS })
    assert.match(outcome.said, said)
    assert.deepEqual(treeOf(root), before)
    assert.deepEqual(readdirSync(work), [])
    assert.equal(existsSync('/evil'), false)
  })
}
