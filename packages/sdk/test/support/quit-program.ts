// Uses a terminal as a script would and then has nothing more to do: no timer or socket may keep it alive.
import { connectTerminal, TokenSource } from '../../src/index.ts'

const terminal = connectTerminal({
  url: String(process.argv[2]),
  tokenSource: TokenSource.custom(() => 'driver'),
})
let shown = ''
const answered = new Promise<void>((resolve) => {
  terminal.on('data', (data) => {
    shown += new TextDecoder().decode(data)
    if (shown.includes('got hello')) resolve()
  })
})
await terminal.ready
terminal.resize(100, 30)
await terminal.write('hello\n')
await answered
await terminal.close()
console.log(shown, 'closed')
