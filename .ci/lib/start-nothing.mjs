// Loaded before tests that share one process: what would disturb the next file throws where it is done.
import childProcess from 'node:child_process'
import cluster from 'node:cluster'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import workers from 'node:worker_threads'

const refuse = (what) =>
  function refused() {
    throw new Error(`Tests that share a process ${what}; .ci/lib/light.mjs says which do.`)
  }

childProcess.ChildProcess.prototype.spawn = refuse('start no process')
for (const name of ['spawnSync', 'execSync', 'execFileSync']) childProcess[name] = refuse('start no process')
cluster.fork = refuse('start no process')
workers.Worker = refuse('start no thread')
net.Server.prototype.listen = refuse('listen nowhere')
net.Socket.prototype.connect = refuse('connect to nothing')
syncBuiltinESMExports()
