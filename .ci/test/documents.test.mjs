import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deadLinks, documents, readDocument, stalePaths } from '../lib/documents.mjs'

describe('the documents', () => {
  for (const name of documents) {
    it(`of ${name} name only what exists`, () => {
      assert.deepEqual(stalePaths(name), [])
      assert.deepEqual(deadLinks(name), [])
    })
  }

  it('say --allowed-origins wherever they put a terminal into a page', () => {
    const embeds = documents.filter((name) =>
      /<CliscaleTerminal|connectTerminal\(|register\(cliscale|mounts cliscale/i.test(readDocument(name)),
    )
    assert.ok(embeds.length >= 6, embeds.join(', '))
    const silent = embeds.filter((name) => !/--allowed-origins|allowedOrigins/.test(readDocument(name)))
    assert.deepEqual(silent, [])
  })

  it('are found out when a path is stale', () => {
    const text = [
      'See `packages/server/src/controller/controller.ts`, `gateway/splice.ts`, `drivers/kubernetes/`, `spliec.ts`,',
      '`GET /v1/status`, `<data>/keys/runner.key`, `application/json` and `10.0.0.0/8`.',
      '```',
      'packages/runner/src/   what runs',
      '  terminal/            the terminal',
      '  nowhere/             nothing',
      '```',
    ]
    assert.deepEqual(stalePaths('ARCHITECTURE.md', text.join('\n')), [
      'drivers/kubernetes/',
      'spliec.ts',
      'packages/runner/src/nowhere/',
    ])
  })
})
