// Uses a terminal as a script would and then has nothing more to do: no timer or socket may keep it alive.
import { connectTerminal, TokenSource } from '../../src/index.ts'

const terminal = connectTerminal({
  url: String(process.argv[2]),
  tokenSource: TokenSource.custom(() => 'driver'),
})
terminal.on('data', (data) => process.stdout.write(data))
await terminal.ready
terminal.resize(100, 30)
await terminal.write('hello\n')
await new Promise<void>((resolve) => terminal.once('data', () => resolve()))
await terminal.close()
console.log('closed')
