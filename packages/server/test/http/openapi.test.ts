import assert from 'node:assert/strict'
import { test } from 'node:test'
import { committed } from '../support/generated.ts'
import { openApiOf } from '../support/generate-openapi.ts'
import { startTestServer } from '../support/server.ts'

interface Operation {
  readonly operationId?: string
  readonly summary?: string
  readonly security?: readonly unknown[]
  readonly responses: Readonly<Record<string, unknown>>
}

interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

test('the OpenAPI document in the repository is the one that the server answers with', async (t) => {
  const { baseUrl } = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const document = await openApiOf(baseUrl)
  assert.equal(await committed(document), document.content, 'run: npm run generate -w packages/server')
})

test('every operation has a name, a summary and both kinds of answers, and only named ones are open to all', async (t) => {
  const { baseUrl } = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const { openapi, paths } = JSON.parse((await openApiOf(baseUrl)).content) as Document
  assert.equal(openapi, '3.1.0')
  const operations = Object.values(paths).flatMap((path) => Object.values(path))
  const names = operations.map(({ operationId }) => operationId)
  assert.equal(new Set(names).size, operations.length)
  for (const { operationId, summary, responses } of operations) {
    assert.ok(operationId !== undefined && summary !== undefined && summary !== '')
    assert.ok(Object.keys(responses).some((status) => status.startsWith('2')))
    assert.ok('default' in responses)
  }
  const open: readonly (string | undefined)[] = operations
    .filter(({ security }) => security?.length === 0)
    .map(({ operationId }) => operationId)
  assert.deepEqual(
    new Set(open),
    new Set(['getJwks', 'isAlive', 'isReady', 'signInConsole', 'signOutConsole']),
  )
  for (const [path, methods] of Object.entries(paths))
    for (const [method, operation] of Object.entries(methods)) {
      if (open.includes(operation.operationId)) continue
      const response = await fetch(baseUrl + path.replaceAll(/\{\w+\}/g, 'ses_0123456789abcdefghijkl'), {
        method: method.toUpperCase(),
      })
      const body = (await response.json()) as { error: { code: string } }
      assert.ok(
        ['UNAUTHENTICATED', 'VALIDATION_FAILED'].includes(body.error.code),
        `${method} ${path} ${body.error.code}`,
      )
    }
})
