import { existsSync } from 'node:fs'
import { capture } from './run.mjs'

/** Installs a Debian package where this machine lets us. Resolves to what is wrong otherwise, or to nothing. */
export async function installDebian(name) {
  if (process.platform !== 'linux' || process.getuid() !== 0 || !existsSync('/usr/bin/apt-get'))
    return 'only root of a Debian may install it'
  console.log(`Installing ${name}…`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', name]]) {
    const { code, output } = await capture('apt-get', args, { env })
    if (code !== 0) return output.trim().split('\n').slice(-5).join('\n')
  }
  return undefined
}
