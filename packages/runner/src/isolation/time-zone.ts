import { existsSync, readFileSync, readlinkSync } from 'node:fs'

const ZONES = '/usr/share/zoneinfo/'

/**
 * The time zone of this machine for programs that see its system folders: what the operator has `chosen`, else the name of the
 * system's (localtime(5), timezone(5)). Undefined where the system has no such zone's file: a name without one would be
 * taken for UTC.
 *
 * `Intl` knows the name too, but to ask it loads what takes a quarter of a runner's start.
 */
export function systemTimeZone(chosen: string | undefined): string | undefined {
  if (chosen !== undefined && chosen !== '') return chosen
  const name = linked() ?? written() ?? (existsSync('/etc/localtime') ? undefined : 'UTC')
  return name === 'UTC' || (name !== undefined && existsSync(ZONES + name)) ? name : undefined
}

function linked(): string | undefined {
  try {
    return /\/zoneinfo\/(?:posix\/)?([\w+/-]+)$/.exec(readlinkSync('/etc/localtime'))?.[1]
  } catch {
    return undefined
  }
}

function written(): string | undefined {
  try {
    return /^[\w+/-]+$/m.exec(readFileSync('/etc/timezone', 'latin1'))?.[0]
  } catch {
    return undefined
  }
}
