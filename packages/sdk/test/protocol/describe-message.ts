import type { ClientMessage, ServerMessage } from '../../src/protocol/index.ts'

const SHOWN = 40

/** One line that says what a client's message means. */
export function describeClientMessage(message: ClientMessage): string {
  switch (message.type) {
    case 'hello': {
      const from =
        message.resume === undefined ? 'nothing to resume' : `resume after ${message.resume.offset}`
      return `hello: ${message.columns} × ${message.rows}, ${from}`
    }
    case 'input':
      return `input ${quoted(message.data)}`
    case 'resize':
      return `size: ${message.columns} × ${message.rows}`
    case 'credit':
      return `credit: parsed up to ${message.offset}`
    case 'heartbeat':
      return `probe ${quoted(message.data)}`
    case 'drive':
      return 'asks to drive'
    case 'pause':
    case 'resume':
      return message.type
  }
}

/** One line that says what a server's message means. */
export function describeServerMessage(message: ServerMessage): string {
  switch (message.type) {
    case 'output':
    case 'snapshot':
      return `${message.type}, ${message.data.length} bytes: ${quoted(message.data)}`
    case 'title':
      return `title ${message.title}`
    case 'preferences':
      return 'preferences of ttyd'
    case 'phase':
      return `phase: ${message.report.phase}`
    case 'ready':
      return `ready: ${message.mode} at ${message.offset}, send input from ${message.inputOffset}, ${
        message.driver ? 'you drive' : 'you do not drive'
      }`
    case 'inputAck':
      return `input taken up to ${message.offset}`
    case 'size': {
      const who = message.driver ? 'you drive' : 'you do not drive'
      return `size: ${message.columns} × ${message.rows}, ${who}, clients: ${message.clients}`
    }
    case 'exit':
      return `exit: code ${message.exit.code}, ${message.exit.reason}`
    case 'error':
      return `error: ${message.error.code}`
    case 'heartbeat':
      return `answer to probe ${quoted(message.data)}`
  }
}

function quoted(bytes: Uint8Array): string {
  const text = JSON.stringify(new TextDecoder().decode(bytes))
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
}
