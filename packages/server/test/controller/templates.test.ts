import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { type CreateSessionRequest, ENV, TEMPLATE_OVERRIDES } from '@cliscale/sdk/protocol'
import type { CodedError } from '../../src/http/coded-error.ts'
import { applyTemplate, findTemplate } from '../../src/controller/templates/apply.ts'
import { loadTemplates, shellTemplate } from '../../src/controller/templates/load.ts'
import { type Template, templateInfo } from '../../src/controller/templates/template.ts'

function file(t: TestContext, content: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'cs-templates-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'templates.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const closedTemplate: Template = {
  ...shellTemplate(),
  name: 'agent',
  command: 'agent',
  args: ['--safe'],
  env: { MODE: 'safe' },
  allow: ['env'],
}

test('a server without a file has an open interactive shell', async () => {
  const templates = await loadTemplates(null)
  assert.deepEqual([...templates.keys()], ['shell'])
  assert.deepEqual(findTemplate(templates, undefined).allow, TEMPLATE_OVERRIDES)
})

test('a template of the file opens nothing that it does not name', async (t) => {
  const path = file(t, { templates: [{ name: 'top', command: 'top' }] })
  const template = findTemplate(await loadTemplates(path), 'top')
  assert.deepEqual(template.allow, [])
  for (const field of ['command', 'args', 'env', 'secrets', 'cwd', 'bundle', 'lifetimeSeconds'] as const) {
    const request = { command: 'sh', args: [], env: {}, secrets: {}, cwd: 'a', lifetimeSeconds: 5 }
    const bundle = { url: 'https://example.org/a.tgz', sha256: 'a'.repeat(64) }
    const refused = (): unknown => applyTemplate(template, { [field]: { ...request, bundle }[field] })
    assert.throws(refused, (error: CodedError) => {
      assert.equal(error.code, 'VALIDATION_FAILED')
      assert.deepEqual(
        error.details?.map((detail) => detail.field),
        [`/${field}`],
      )
      return true
    })
  }
})

test('the default template of a file without shell is its first', async (t) => {
  const path = file(t, {
    templates: [
      { name: 'b', command: 'b' },
      { name: 'a', command: 'a' },
    ],
  })
  assert.equal(findTemplate(await loadTemplates(path), undefined).name, 'b')
})

test('a file may be YAML, and its templates get the defaults of the server', async (t) => {
  const path = file(t, 'templates:\n  - name: top\n    command: top\n    args: [-d, "1"]\n')
  const templates = await loadTemplates(path, { lifetimeSeconds: 60, idleTimeoutSeconds: 30 })
  const { args, lifetimeSeconds, idleTimeoutSeconds } = findTemplate(templates, 'top')
  assert.deepEqual(
    { args, lifetimeSeconds, idleTimeoutSeconds },
    { args: ['-d', '1'], lifetimeSeconds: 60, idleTimeoutSeconds: 30 },
  )
})

test('an unknown template is refused with the names of those that are there', async () => {
  const templates = await loadTemplates(null)
  assert.throws(() => findTemplate(templates, 'nope'), {
    code: 'TEMPLATE_NOT_FOUND',
    message: 'There is no template "nope"; this server has: shell.',
  })
})

test('the templates file is refused with every problem that it has', async (t) => {
  const cases: [unknown, RegExp][] = [
    ['{', /cannot be used/],
    [{ templates: [] }, /holds no template/],
    [{ templates: [{ name: 'A B', command: '' }] }, /name.*;.*command/],
    [
      { templates: [{ name: 'a', command: 'a', color: 'red' }] },
      /templates\[0\]\.color is no field; there are name, title, /,
    ],
    [
      { templates: [{ name: 'a', command: 'a', alow: [] }] },
      /templates\[0\]\.alow .*perhaps "allow" is meant/,
    ],
    [
      { templates: [{ name: 'a', command: 'a', allow: ['env', 'comand'] }] },
      /templates\[0\]\.allow\[1\] must be one of .*, not "comand"; perhaps "command" is meant/,
    ],
    [{ templates: [{ name: 'a' }] }, /templates\[0\]\.command is required/],
    [
      { templates: [{ name: 'a', command: 'a', bundle: { ulr: 'x' } }] },
      /bundle\.ulr .*perhaps "url" is meant/,
    ],
    [{ templates: [{ name: 'a', command: 'a', env: { '1': 'x' } }] }, /env/],
    [
      {
        templates: [
          { name: 'a', command: 'a' },
          { name: 'a', command: 'b' },
        ],
      },
      /name a is used twice/,
    ],
  ]
  for (const [content, message] of cases) {
    await assert.rejects(loadTemplates(file(t, content)), { name: 'TemplatesFileError', message })
  }
})

test('a request goes over its template, secrets over env over the template', () => {
  const { recipe } = applyTemplate(
    { ...shellTemplate(), env: { A: 'template', B: 'template', C: 'template' } },
    { env: { B: 'env', C: 'env' }, secrets: { C: 'secret' }, columns: 100 },
  )
  assert.deepEqual(recipe.env, { A: 'template', B: 'env', C: 'secret' })
  assert.equal(recipe.columns, 100)
  assert.equal(recipe.rows, 24)
})

test("another command does not get the template command's arguments", () => {
  const open = { ...closedTemplate, allow: TEMPLATE_OVERRIDES }
  assert.deepEqual(applyTemplate(open, {}).recipe.args, ['--safe'])
  assert.deepEqual(applyTemplate(open, { command: 'ls' }).recipe.args, [])
})

test('an environment over the limit and a folder outside are refused by field', () => {
  const big = { BIG: 'x'.repeat(ENV.maxTotalBytes) }
  assert.throws(
    () => applyTemplate(shellTemplate(), { env: big, cwd: '../..' }),
    (error: CodedError) => {
      assert.deepEqual(
        error.details?.map((detail) => detail.field),
        ['/env', '/cwd'],
      )
      return true
    },
  )
})

test('clients do not see the environment of a template', () => {
  assert.ok(!JSON.stringify(templateInfo(closedTemplate)).includes('MODE'))
})

test('a template says whether its sessions are recorded, and clients may change that only where it lets them', async (t) => {
  const path = file(t, {
    templates: [
      { name: 'plain', command: 'a' },
      { name: 'kept', command: 'a', recording: 'output' },
      { name: 'open', command: 'a', recording: 'output', allow: ['recording'] },
    ],
  })
  const templates = await loadTemplates(path)
  const recordingOf = (name: string, request: CreateSessionRequest = {}): string | undefined =>
    applyTemplate(findTemplate(templates, name), request).recipe.recording
  assert.equal(recordingOf('plain'), undefined)
  assert.equal(recordingOf('kept'), 'output')
  assert.equal(recordingOf('open', { recording: 'off' }), undefined)
  assert.equal(recordingOf('open', { recording: 'output-and-input' }), 'output-and-input')
  for (const name of ['plain', 'kept'])
    assert.throws(() => recordingOf(name, { recording: 'off' }), { code: 'VALIDATION_FAILED' })
  await assert.rejects(
    loadTemplates(file(t, { templates: [{ name: 'x', command: 'a', recording: 'all' }] })),
    /recording/,
  )
})
