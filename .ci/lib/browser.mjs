import { accessSync, constants } from 'node:fs'
import { capture, Refusal } from './run.mjs'

const known = [
  '/usr/bin/chromium',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/usr/bin/chromium-browser',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** Path of a Chromium; installs Debian's when this machine lets us, else says what to install. */
export async function ensureBrowser() {
  const chosen = process.env.CHROMIUM_PATH
  if (chosen) {
    if (isExecutable(chosen)) return chosen
    throw new Refusal(`CHROMIUM_PATH names ${chosen}, which is not an executable file.`)
  }
  const found = known.find(isExecutable)
  if (found) return found
  await installBrowser()
  const installed = known.find(isExecutable)
  if (installed) return installed
  throw new Refusal(
    'The browser tests need Chromium and none was found. Install it (Debian: apt-get install chromium) ' +
      'or set CHROMIUM_PATH to the executable.',
  )
}

async function installBrowser() {
  if (process.platform !== 'linux' || process.getuid() !== 0) return
  if (!isExecutable('/usr/bin/apt-get')) return
  console.log('Installing Chromium…')
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]) {
    const { code, output } = await capture('apt-get', args, { env })
    if (code !== 0) console.error(output.trim().split('\n').slice(-5).join('\n'))
  }
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
