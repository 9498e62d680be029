import { accessSync, constants, type Stats, statSync } from 'node:fs'

import { MAX_COPY_BYTES } from './limits.ts'

/** Folders with the system's programs and libraries. On many systems some are links into `/usr`. */
export const SYSTEM_FOLDERS = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/nix/store',
  '/run/current-system/sw',
] as const

/** What programs ask of the processors: how many there are. */
export const DEVICE_FOLDERS = ['/sys/devices/system/cpu'] as const

/**
 * Configuration of the system's programs. The rest of `/etc` stays out: services keep files there that every user may
 * read, tokens among them. Accounts are the sandbox's own.
 */
const SYSTEM_FILES = [
  'alternatives',
  'bash.bashrc',
  'bash_completion',
  'bash_completion.d',
  'bashrc',
  'ca-certificates',
  'ca-certificates.conf',
  'crypto-policies',
  'debian_version',
  'default/locale',
  'dircolors',
  'emacs',
  'fedora-release',
  'fonts',
  'ghostscript',
  'gss',
  'host.conf',
  'hosts',
  'inputrc',
  'java-11-openjdk',
  'java-17-openjdk',
  'java-21-openjdk',
  'java-25-openjdk',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'less',
  'locale.alias',
  'locale.conf',
  'locale.gen',
  'localtime',
  'lsb-release',
  'magic',
  'manpath.config',
  'mime.types',
  'nanorc',
  'networks',
  'nsswitch.conf',
  'os-release',
  'perl',
  'pki/ca-trust',
  'pki/java',
  'pki/tls/cert.pem',
  'pki/tls/certs',
  'profile',
  'profile.d',
  'protocols',
  'python3',
  'python3.11',
  'python3.12',
  'python3.13',
  'python3.14',
  'redhat-release',
  'resolv.conf',
  'rpc',
  'screenrc',
  'services',
  'shells',
  'ssl/cert.pem',
  'ssl/certs',
  'ssl/openssl.cnf',
  'terminfo',
  'timezone',
  'tmux.conf',
  'vim',
  'vimrc',
  'xattr.conf',
  'zsh',
].map((name) => `/etc/${name}`)

/** What may change while a session runs, and then counts for it too. */
const LIVE_FILES: ReadonlySet<string> = new Set(['/etc/hosts', '/etc/resolv.conf'])

/** The system's configuration as it is on this machine, links followed. */
export interface SystemConfiguration {
  /** To be mounted: folders, large files, and those that may change. */
  readonly mounted: readonly string[]
  /** To be copied. */
  readonly copied: readonly string[]
}

/** Looks what of the system's configuration there is that this user may read. */
export function systemConfiguration(): SystemConfiguration {
  const mounted: string[] = []
  const copied: string[] = []
  for (const path of SYSTEM_FILES) {
    const stats = readable(path)
    if (stats === undefined) continue
    const isSmall = stats.isFile() && stats.size <= MAX_COPY_BYTES
    if (isSmall && !LIVE_FILES.has(path)) copied.push(path)
    else if (stats.isFile() || stats.isDirectory()) mounted.push(path)
  }
  return { mounted, copied }
}

/**
 * Differs once one of the system's files, or of `others`, was replaced, added or removed, or a file written: a sandbox that
 * was made before shows what was.
 */
export function systemStamp(others: readonly string[]): string {
  return [...SYSTEM_FILES, ...others].map(stampOf).join(' ')
}

function stampOf(path: string): string {
  try {
    const stats = statSync(path, { throwIfNoEntry: false })
    return stats === undefined ? '' : `${stats.dev}.${stats.ino}.${stats.mtimeMs}`
  } catch {
    return ''
  }
}

function readable(path: string): Stats | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats !== undefined) accessSync(path, constants.R_OK)
    return stats
  } catch {
    return undefined
  }
}

/** Whether a sandbox shows what lies at a path of this machine by itself. */
export function shownBySystem(path: string): boolean {
  return [...SYSTEM_FOLDERS, ...SYSTEM_FILES].some((shown) => path === shown || path.startsWith(`${shown}/`))
}
