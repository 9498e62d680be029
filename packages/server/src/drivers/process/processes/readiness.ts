import { existsSync, watch } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { RUNNER_PATHS } from '@cliscale/sdk/protocol'
import type { RunnerPaths } from '../folders/runner-folder.ts'
import { KNOCK_AGAIN_MS, SOCKET_LOOK_EVERY_MS } from '../limits.ts'

/** Calls `onListening` once, as soon as the runner takes connections. The result ends the wait. */
export function whenListening(paths: RunnerPaths, onListening: () => void): () => void {
  let done = false
  let knocking = false
  const look = (): void => {
    if (done || knocking || !existsSync(paths.socket)) return
    knocking = true
    const socket = connect(paths.socket)
    socket.once('connect', () => {
      socket.destroy()
      if (done) return
      stop()
      onListening()
    })
    socket.once('error', () => {
      knocking = false
      setTimeout(look, KNOCK_AGAIN_MS).unref()
    })
  }
  const watcher = watch(paths.folder, { persistent: false }, look)
  watcher.on('error', stop)
  const timer = setInterval(look, SOCKET_LOOK_EVERY_MS).unref()
  function stop(): void {
    done = true
    watcher.close()
    clearInterval(timer)
  }
  look()
  return stop
}

/** True when something answers on the runner's socket within `timeoutMs`. */
export async function answers(paths: RunnerPaths, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request({
      socketPath: paths.socket,
      path: RUNNER_PATHS.health,
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
    })
    probe.on('response', (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    probe.on('error', () => resolve(false))
    probe.end()
  })
}
