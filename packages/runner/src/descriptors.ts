import { closeSync, readdirSync, readFileSync } from 'node:fs'

/** `O_CLOEXEC` in the octal flags of `/proc/self/fdinfo` (proc_pid_fdinfo(5)). */
const CLOSE_ON_EXEC = 0o2000000

/**
 * Closes every descriptor that a command would inherit and that is not ours: Node marks its own close-on-exec, so the
 * others came from whoever started the runner. Call it once, before anything is opened.
 */
export function closeInherited(): void {
  for (const name of listDescriptors()) {
    const descriptor = Number(name)
    if (descriptor > 2 && isInheritable(descriptor)) closeSync(descriptor)
  }
}

/** Empty where there is no `/proc`. */
function listDescriptors(): readonly string[] {
  try {
    return readdirSync('/proc/self/fdinfo')
  } catch {
    return []
  }
}

function isInheritable(descriptor: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1]
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0
  } catch {
    // The descriptor of the listing itself is closed by now.
    return false
  }
}
