/** Fields that stand elsewhere in the line or say nothing on a terminal. */
const HIDDEN = new Set(['level', 'time', 'msg', 'pid', 'hostname'])

const MARKS: Readonly<Record<string, string>> = { info: ' ', warn: '!', error: 'x', fatal: 'X' }

/** One JSON log line as one line for a person: time, mark, sentence, fields. */
export function prettyLine(line: string): string {
  const fields = parse(line)
  if (fields === undefined) return line
  const time = typeof fields.time === 'string' ? fields.time.slice(11, 19) : ''
  const mark = MARKS[String(fields.level)] ?? '.'
  const more = Object.entries(fields)
    .filter(([name]) => !HIDDEN.has(name))
    .map(([name, value]) => `${name}=${short(value)}`)
  return `${[time, mark, typeof fields.msg === 'string' ? fields.msg : '', ...more].join(' ')}\n`
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
}

function short(value: unknown): string {
  if (typeof value === 'string') return /[\s"=]/.test(value) ? JSON.stringify(value) : value
  if (typeof value !== 'object' || value === null) return String(value)
  if ('message' in value && typeof value.message === 'string') return JSON.stringify(value.message)
  return JSON.stringify(value)
}
