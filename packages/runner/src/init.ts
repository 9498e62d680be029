/**
 * Waits for the runner, passes signals on to it, and reaps whatever else ends: the first process of a container becomes
 * the parent of every orphan, and Node does not wait for children that it did not start. A shell does.
 */
const INIT = `
"$@" & runner=$!
trap 'kill -TERM $runner' TERM INT HUP QUIT
while kill -0 $runner 2>/dev/null; do wait $runner; status=$?; done
exit $status`

/** As process 1, puts a shell in the runner's place and the runner below it. Returns otherwise. */
export function becomeInit(): void {
  if (process.pid !== 1 || process.execve === undefined) return
  const runner = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  process.execve('/bin/sh', ['sh', '-c', INIT, 'cliscale-init', ...runner])
}
