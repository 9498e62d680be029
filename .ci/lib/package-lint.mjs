import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { missingInPack } from './own-dependencies.mjs'
import { deadLinks } from './package-links.mjs'
import { at, readJson } from './root.mjs'

/**
 * Findings that we accept, each with its reason.
 * - CJSResolvesToESM: the packages are ES modules only; Node 20.19 and newer can `require` them.
 * - NoResolution in node10: that algorithm knows no `exports`; TypeScript has deprecated it.
 */
const accepted = (problem) =>
  problem.kind === 'CJSResolvesToESM' ||
  (problem.kind === 'NoResolution' && problem.resolutionKind === 'node10')

/** Runs publint (strict) on the tarball of a package and attw on its types. Returns one sentence per finding. */
export async function lintPackage(name, tarball) {
  const data = readFileSync(tarball)
  const bytes = new Uint8Array(data)
  const stage = at('.cache', 'stage', name)
  return [
    ...(await findWithPublint(name, bytes)),
    ...(await findWithAttw(name, bytes)),
    ...findLeaks(name),
    ...missingInPack(stage, readJson('.cache', 'stage', name, 'package.json')),
    ...deadLinks(stage, name),
    ...findUnmarked(name, stage),
  ]
}

async function findWithPublint(name, bytes) {
  const { messages, pkg } = await publint({
    strict: true,
    level: 'suggestion',
    pack: { tarball: bytes.buffer },
  })
  // The server's command begins as a shell's: only a shell can tell that SIGHUP was ignored at start (nohup).
  const meant = ({ code }) => name === 'server' && code === 'BIN_FILE_NOT_EXECUTABLE'
  return messages
    .filter((message) => !meant(message))
    .map((message) => `publint, ${name}: ${formatMessage(message, pkg, { color: false })}`)
}

async function findWithAttw(name, bytes) {
  const result = await checkPackage(createPackageFromTarballData(bytes), { excludeEntrypoints: [/\.css$/] })
  if (!result.types) return [`attw, ${name}: the package has no types.`]
  return result.problems
    .filter((problem) => !accepted(problem))
    .map((problem) => `attw, ${name}: ${JSON.stringify(problem)}`)
}

/** Frameworks with server components take what React's package exports for the browser's, because it says so. */
function findUnmarked(name, stage) {
  if (name !== 'react' || readFileSync(join(stage, 'dist', 'index.js'), 'utf8').startsWith("'use client'"))
    return []
  return ["react: dist/index.js does not begin with 'use client'."]
}

function findLeaks(name) {
  const staged = readJson('.cache', 'stage', name, 'package.json')
  const text = JSON.stringify(staged)
  return ['@cliscale/source', './src/', 'workspace:', '.cache']
    .filter((part) => text.includes(part))
    .map((part) => `The packed package.json of ${name} still mentions ${part}.`)
}
