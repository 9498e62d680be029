import { existsSync } from 'node:fs'
import { processEnvironment } from '../config/environment.ts'

const SHELL = '/bin/sh'

/**
 * Runs the command behind it, passes signals on to it, and ends as it ended. While a shell waits it takes leave of every
 * child that ends, those that it inherited included. A signal that comes before the command is there waits for it.
 */
const INIT = `
pass() { if [ -n "$child" ]; then kill -s "$1" "$child" 2>/dev/null; else early=$1; fi; }
for signal in TERM INT HUP QUIT; do trap "pass $signal" "$signal"; done
"$@" <&0 &
child=$!
if [ -n "$early" ]; then kill -s "$early" "$child"; fi
while :; do
  wait "$child"
  code=$?
  if [ "$code" -le 128 ] || ! kill -0 "$child" 2>/dev/null; then exit "$code"; fi
done
`

/**
 * Makes this process, the first of a container, an init, and starts the same command again below it: the system gives
 * the orphans of all sessions to process 1, which must wait for them when they end, or they stay as zombies.
 */
export function goBelowInit(): void {
  if (process.execve === undefined || !existsSync(SHELL)) return
  const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  process.execve(SHELL, ['sh', '-c', INIT, 'cliscale-init', ...command], { ...processEnvironment() })
}
