import { readdirSync, readFileSync } from 'node:fs'

/** Programs that are paused. Shells are not: they would tell their user that a job was stopped. */
const PAUSED = /^(node|MainThread|postgres)/

/** How often one more is paused, in milliseconds, and how many are at a time at most. */
const EVERY_MS = 30
const AT_ONCE = 3

/**
 * Pauses random processes below this one for random times, as a busy machine does, only more: what a test takes for
 * granted about who is faster shows soon. `longestMs` is the longest pause. Linux only.
 *
 * Returns a function that ends it, lets all go on, and tells how many pauses there were.
 */
export function stall({ longestMs = 250 } = {}) {
  const paused = new Map()
  let pauses = 0
  const letGo = (pid) => {
    paused.delete(pid)
    signal(pid, 'SIGCONT')
  }
  const timer = setInterval(() => {
    const now = performance.now()
    for (const [pid, until] of paused) if (until <= now) letGo(pid)
    const running = descendants(process.pid).filter((pid) => !paused.has(pid))
    if (running.length === 0 || paused.size >= AT_ONCE) return
    const pid = running[Math.floor(Math.random() * running.length)]
    if (!signal(pid, 'SIGSTOP')) return
    pauses += 1
    paused.set(pid, now + Math.random() * longestMs)
  }, EVERY_MS)
  const end = () => {
    clearInterval(timer)
    process.off('exit', end)
    for (const pid of paused.keys()) letGo(pid)
    return pauses
  }
  process.once('exit', end)
  return end
}

/** The processes below `root` that may be paused. */
function descendants(root) {
  const children = new Map()
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const found = processOf(pid)
    if (found) children.set(found.parent, [...(children.get(found.parent) ?? []), found])
  }
  const below = []
  for (const todo = [root]; todo.length > 0;) {
    const found = children.get(todo.pop()) ?? []
    todo.push(...found.map(({ pid }) => pid))
    below.push(...found)
  }
  return below.filter(({ name, state }) => PAUSED.test(name) && 'RS'.includes(state)).map(({ pid }) => pid)
}

/** From `/proc/<pid>/stat` (proc_pid_stat(5)); undefined when it has ended. */
function processOf(pid) {
  try {
    const [, name, state, parent] = /^\d+ \((.*)\) (\S) (\d+)/s.exec(
      readFileSync(`/proc/${pid}/stat`, 'latin1'),
    )
    return { pid: Number(pid), name, state, parent: Number(parent) }
  } catch {
    return undefined
  }
}

function signal(pid, name) {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}
