// Runs the command of its arguments in a pseudo terminal, prints what it shows, and ends with it.
import { spawn } from '@lydell/node-pty'

const [command = '', ...args] = process.argv.slice(2)
const terminal = spawn(command, args, { cols: 250 })
terminal.onData((text) => void process.stdout.write(text))
terminal.onExit(({ exitCode }) => process.exit(exitCode))
process.on('SIGTERM', () => terminal.kill('SIGTERM'))
