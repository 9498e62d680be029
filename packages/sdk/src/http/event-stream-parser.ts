/** One server-sent event. */
export interface ServerSentEvent {
  readonly id: string
  readonly type: string
  readonly data: string
}

/** Longest line and event, in UTF-16 code units. */
const MAX_EVENT_LENGTH = 1_048_576

/** Parses server-sent events (WHATWG HTML §9.2.6) from text in any chunking. Comments and `retry` are ignored. */
export class EventStreamParser {
  #rest = ''
  #id = ''
  #type = ''
  #data: string[] = []
  #length = 0

  /** Takes text. @returns the events that it completes @throws {RangeError} for an event over 1 MiB */
  push(text: string): ServerSentEvent[] {
    const events: ServerSentEvent[] = []
    // A carriage return at the end may be half of a line end.
    const all = this.#rest + text
    const end = all.endsWith('\r') ? all.length - 1 : all.length
    const lines = all.slice(0, end).split(/\r\n|\n|\r/)
    this.#rest = (lines.pop() ?? '') + all.slice(end)
    if (this.#rest.length > MAX_EVENT_LENGTH) throw new RangeError('a line of the event stream is too long')
    for (const line of lines) {
      const event = this.#line(line)
      if (event !== undefined) events.push(event)
    }
    return events
  }

  #line(line: string): ServerSentEvent | undefined {
    if (line === '') return this.#dispatch()
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'data') {
      this.#data.push(value)
      this.#length += value.length
      if (this.#length > MAX_EVENT_LENGTH) throw new RangeError('an event of the stream is too long')
    } else if (field === 'event') this.#type = value
    else if (field === 'id' && !value.includes('\0')) this.#id = value
    return undefined
  }

  #dispatch(): ServerSentEvent | undefined {
    const event = {
      id: this.#id,
      type: this.#type === '' ? 'message' : this.#type,
      data: this.#data.join('\n'),
    }
    const isEmpty = this.#data.length === 0
    this.#type = ''
    this.#data = []
    this.#length = 0
    return isEmpty ? undefined : event
  }
}
