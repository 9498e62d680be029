import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parse } from 'yaml'
import { loadTemplates, TemplatesFile } from '../../src/controller/templates/load.ts'
import { FIELD_EXAMPLES, templatesPage } from '../../src/controller/templates/reference.ts'
import { committed, generated } from '../support/generated.ts'
import { runCli } from '../support/spawn-server.ts'

function fileOf(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'cs-templates-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'templates.yaml')
  writeFileSync(path, text)
  return path
}

function exampleOfPage(): string {
  return /^```yaml\n([\s\S]*?)^```/m.exec(templatesPage())?.[1] ?? ''
}

test('the reference of templates in the repository is the one that the schema makes', async () => {
  const page = await generated('TEMPLATES.md', templatesPage())
  assert.equal(await committed(page), page.content, 'run: npm run generate -w packages/server')
})

test('the command config takes the example of the page', async (t) => {
  const path = fileOf(t, exampleOfPage())
  const { code, stdout, stderr } = await runCli(['config', `--templates=${path}`])
  assert.equal(code, 0, stderr)
  assert.equal((JSON.parse(stdout) as { templates: string }).templates, path)
})

test('the command config refuses the example with a field that there is not', async (t) => {
  const path = fileOf(t, exampleOfPage().replace('cwd:', 'pwd:'))
  const { code, stderr } = await runCli(['config', `--templates=${path}`])
  assert.equal(code, 2)
  assert.match(stderr, /templates\[1\]\.pwd is no field/)
})

test('the example has every field of the schema, and loads as written', async (t) => {
  const text = exampleOfPage()
  const entries = (parse(text) as { templates: readonly object[] }).templates
  const known = Object.keys(TemplatesFile.properties.templates.items.properties)
  assert.deepEqual([...new Set(entries.flatMap(Object.keys))].sort(), known.toSorted())
  const templates = await loadTemplates(fileOf(t, text))
  assert.deepEqual(templates.get('node-agent'), { ...entries[1] })
})

test('the example of each field is a value that the field takes', async (t) => {
  for (const [name, example] of FIELD_EXAMPLES) {
    const entry = { name: 'a', command: 'a', [name]: parse(example) as unknown }
    const [template] = (await loadTemplates(fileOf(t, JSON.stringify({ templates: [entry] })))).values()
    assert.deepEqual({ ...template }[name as 'name'], entry[name as 'name'], name)
  }
})
