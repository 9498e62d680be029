import { existsSync, readFileSync } from 'node:fs'
import { readDocument } from './documents.mjs'
import { at } from './root.mjs'

/**
 * SECURITY.md is the one list of tests that attack what it claims: each claim ends with `Tests:`, names of files as
 * `package/path`, and behind a name, in brackets, how titles of the tests begin.
 */
const NAMED = /`(sdk|react|runner|server)\/([\w./-]+)`(?: \(((?:“[^”]+”(?:, )?)+)\))?/g

/** Tests that are about security whatever they are called: those of these folders, and those that import from these sources. */
const PLACES = [
  /^packages\/server\/test\/(auth|drivers)\//,
  /^packages\/server\/test\/http\/(?!contract\.|openapi\.)/,
  /^packages\/server\/test\/store\/(embedded|redeem|schema)/,
]
const SOURCES = /from '\.\.\/(?:\.\.\/)?src\/(isolation|bundle)\//

/** The claims of SECURITY.md, or of another text of its form. */
export function claims(text = readDocument('SECURITY.md')) {
  const [, part = ''] = text.split(/^## What holds\n/m)
  const [holds] = part.split(/^## /m)
  return holds
    .split(/^- /m)
    .slice(1)
    .map((block) =>
      block
        .split(/\n(?=#|\n\S)/)[0]
        .replaceAll(/\s+/g, ' ')
        .trim(),
    )
    .map((block) => {
      const [claim, tests = ''] = block.split(' Tests: ')
      return { claim, tests: [...tests.matchAll(NAMED)].map(readName) }
    })
}

function readName([, name, path, titles = '']) {
  const file = `packages/${name}/test/${path}.test.ts`
  return { file, titles: [...titles.matchAll(/“([^”]+)”/g)].map(([, title]) => title) }
}

/** Every test file that a claim names. */
export function securityTests() {
  return [...new Set(claims().flatMap(({ tests }) => tests.map(({ file }) => file)))].sort()
}

/** What is wrong with the list: claims without tests, tests that are not there, tests that no claim names. */
export function securityProblems({ files, text } = {}) {
  const told = claims(text)
  const named = new Set(told.flatMap(({ tests }) => tests.map(({ file }) => file)))
  const problems = told
    .filter(({ tests }) => tests.length === 0)
    .map(({ claim }) => `no test attacks: ${claim.slice(0, 80)}`)
  if (told.length === 0) problems.push('it claims nothing')
  for (const { file, titles } of told.flatMap(({ tests }) => tests)) {
    if (!existsSync(at(file))) problems.push(`${file} does not exist`)
    else
      problems.push(
        ...titles.filter((title) => !hasTitle(file, title)).map((title) => `${file} has no test “${title}”`),
      )
  }
  const missing = files.filter((file) => isAboutSecurity(file) && !named.has(file))
  return [...problems, ...missing.map((file) => `no claim names ${file}`)]
}

function hasTitle(file, title) {
  const begins = plain(title)
  return plain(readFileSync(at(file), 'utf8'))
    .split(/\b(?:test|it|suite|describe)\(\s*['"`]/)
    .slice(1)
    .some((text) => text.startsWith(begins))
}

const plain = (text) => text.replaceAll(/[’']|\\(?=')/g, (found) => (found === '\\' ? '' : "'"))

const isAboutSecurity = (file) =>
  PLACES.some((place) => place.test(file)) ||
  (file.startsWith('packages/') && SOURCES.test(readFileSync(at(file), 'utf8')))
