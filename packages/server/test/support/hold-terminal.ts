// Holds a pseudo terminal until it is killed, which closes its other end; prints the terminal's name. A process of its
// own, because programs that are started beside an open one inherit that end.
import { spawn } from '@lydell/node-pty'

spawn('/bin/sh', ['-c', 'tty; exec sleep 600'], {}).onData((text) => void process.stdout.write(text))
