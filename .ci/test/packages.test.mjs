import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { ImportGraph } from '../lib/imports.mjs'
import { missingInPack, missingInSources } from '../lib/own-dependencies.mjs'
import { writeNotices } from '../lib/notices.mjs'
import { deadLinks, linkOutside } from '../lib/package-links.mjs'

const folder = mkdtempSync(join(tmpdir(), 'cliscale-packages-'))
after(() => rmSync(folder, { recursive: true }))

/** A packed package with these files. */
function packed(files) {
  const stage = mkdtempSync(join(folder, 'stage-'))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(stage, path)), { recursive: true })
    writeFileSync(join(stage, path), text)
  }
  return stage
}

const repository = { url: 'git+https://github.com/cliscale/cliscale.git', directory: 'packages/sdk' }

describe('what a package imports stands in its own dependencies', () => {
  const graph = new ImportGraph()

  it('in the sources of all packages', () => assert.deepEqual(missingInSources(graph), []))

  it('and is missed when it does not', () => {
    const bare = (name) => ({ name: `@cliscale/${name}` })
    const missing = missingInSources(graph, bare).join('\n')
    assert.match(missing, /packages\/runner\/src\/\S+ imports tar, which is not in the dependencies/)
    assert.match(missing, /packages\/sdk\/src\/\S+ imports eventemitter3/)
  })

  it('in what is packed, types included', () => {
    const stage = packed({
      'dist/index.js':
        "import'left-pad';import a from'node:fs';import'./b.js';const c=await import('@one/two/three')",
      'dist/index.d.ts': "import type { A } from 'only-types'\nexport type B = A\n",
      'dist/b.js': "import 'known'\nrequire('fs')\n",
    })
    assert.deepEqual(missingInPack(stage, { name: '@a/b', peerDependencies: { known: '1' } }).sort(), [
      '@a/b: dist/index.d.ts imports only-types, which is not in its dependencies.',
      '@a/b: dist/index.js imports @one/two, which is not in its dependencies.',
      '@a/b: dist/index.js imports left-pad, which is not in its dependencies.',
    ])
  })
})

describe('links of packed documents', () => {
  it('that leave the package lead to the repository, others stay', () => {
    const stage = packed({
      'README.md': '[a](../react) [b](../../README.md#x) [c](ERRORS.md) [d](https://a.test) [e](#here)\n',
      'ERRORS.md': '',
    })
    linkOutside(stage, { repository })
    assert.equal(
      readFileSync(join(stage, 'README.md'), 'utf8'),
      '[a](https://github.com/cliscale/cliscale/tree/main/packages/react) ' +
        '[b](https://github.com/cliscale/cliscale/blob/main/README.md#x) [c](ERRORS.md) [d](https://a.test) [e](#here)\n',
    )
    assert.deepEqual(deadLinks(stage, 'sdk'), [])
  })

  it('that lead to what is not packed are found', () => {
    const stage = packed({ 'README.md': '[c](ERRORS.md) and [d](docs/x.md#y)\n' })
    assert.deepEqual(deadLinks(stage, 'sdk'), [
      'sdk: README.md links ERRORS.md, which is not in the package.',
      'sdk: README.md links docs/x.md#y, which is not in the package.',
    ])
  })
})

describe('what a package has in it of others', () => {
  it('is named with its license, and metafiles are not packed', () => {
    const inputs = {
      'src/main.ts': {},
      '../../node_modules/ws/lib/receiver.js': {},
      '../sdk/dist/index.js': {},
    }
    const stage = packed({
      'dist/main.js': '',
      'dist/metafile-esm.json': JSON.stringify({ inputs }),
      'dist/main.js.map': JSON.stringify({
        sources: ['../../../node_modules/tar/node_modules/minipass/src/index.ts', '../src/main.ts'],
      }),
    })
    writeNotices(stage, 'runner')
    const notices = readFileSync(join(stage, 'THIRD-PARTY-NOTICES.md'), 'utf8')
    assert.match(notices, /^## ws [\d.]+ \(MIT\)$/m)
    assert.match(notices, /^Copyright \(c\) \d{4}/m)
    const titles = [...notices.matchAll(/^## (\S+) \S+ \(/gm)].map(([, title]) => title)
    assert.deepEqual(titles, ['minipass', 'ws'])
    assert.deepEqual(readdirSync(join(stage, 'dist')), ['main.js', 'main.js.map'])
  })

  it('is nothing where nothing is bundled', () => {
    const stage = packed({ 'dist/main.js': '' })
    writeNotices(stage, 'sdk')
    assert.deepEqual(readdirSync(stage), ['dist'])
  })
})
