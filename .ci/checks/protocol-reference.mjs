// Makes the test vectors in packages/sdk/PROTOCOL.md from the recorded exchanges, and compares the page's tables and bounds with
// the sources; without --update it only compares.
import { readFileSync, writeFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'
import {
  COLUMNS,
  CREDIT_EVERY_BYTES,
  CREDIT_EVERY_MS,
  CREDIT_LEAST_BYTES,
  CREDIT_WINDOW_BYTES,
  DEFAULT_RING_BYTES,
  INPUT_ACK_EVERY_BYTES,
  INPUT_ACK_EVERY_MS,
  MAX_CLIENT_FRAME_BYTES,
  MAX_HEADER_BYTES,
  MAX_HEARTBEAT_BYTES,
  MAX_UNACKED_INPUT_BYTES,
  ROWS,
  TOKEN_TTL_SECONDS,
} from '../../packages/sdk/src/protocol/limits.ts'
import { CLIENT_OPCODES, SERVER_OPCODES } from '../../packages/sdk/src/protocol/messages.ts'
import { END_REASONS, PHASES } from '../../packages/sdk/src/protocol/phases.ts'
import { recordedExchanges } from '../../packages/sdk/test/protocol/recorded-exchange.ts'
import { at } from '../lib/root.mjs'

const MARK =
  '<!-- exchanges: made from test/protocol/exchanges by `npm run generate`; do not edit below. -->\n'
const BYTES_IN_LINE = 32
const LINES_SHOWN = 9

const path = at('packages/sdk/PROTOCOL.md')
const page = readFileSync(path, 'utf8')
const [written] = page.split(MARK)

const made = await format(`${written}${MARK}\n${vectors()}`, {
  ...(await resolveConfig(path)),
  filepath: path,
})
if (process.argv.includes('--update')) writeFileSync(path, made)
else if (page !== made) {
  console.error('packages/sdk/PROTOCOL.md is not what the recorded exchanges say: npm run generate')
  process.exitCode = 1
}
for (const problem of problems()) {
  console.error(`packages/sdk/PROTOCOL.md: ${problem}`)
  process.exitCode = 1
}

/** The exchanges of the newest version that was recorded. */
function vectors() {
  const exchanges = recordedExchanges()
  const { version } = exchanges.at(-1)
  const first = ['life', 'snapshot', 'hand-over', 'observer']
  const rank = ({ name }) => (first.includes(name) ? first.indexOf(name) : first.length)
  const shown = exchanges.filter((one) => one.version === version).sort((a, b) => rank(a) - rank(b))
  return shown.map(section).join('\n')
}

function section({ version, name, about, script, steps, connections }) {
  const roles = connections.map(({ role, tokenOf }, index) => {
    const token = tokenOf === undefined ? '' : `, the token of connection ${tokenOf}`
    return `${index + 1}: ${role}${token}`
  })
  return [
    `### ${name}`,
    '',
    `${about} [The file](test/protocol/exchanges/${version}/${name}.jsonl). Connections: ${roles.join('; ')}. The script:`,
    '',
    '```text',
    script,
    '```',
    '',
    '→ from the client, ← from the server.',
    '',
    '```text',
    ...steps.flatMap(shownStep),
    '```',
    '',
  ].join('\n')
}

function shownStep(step) {
  if ('meanwhile' in step) return [`  ·  ${step.meaning}`]
  const { connection, meaning } = step
  if ('lost' in step || 'cut' in step) return [`${connection} ·  ${meaning}`]
  const head = `${connection} ${step.from === 'client' ? '→' : '←'}  ${meaning}`
  return 'hex' in step ? [head, ...textLine(step.hex), ...hexLines(step.hex)] : [head]
}

/** What is JSON can be read as it is, too. */
function textLine(hex) {
  const text = Buffer.from(hex, 'hex').toString()
  return /^.?\{[ -~]*\}$/.test(text) ? [`       ${text}`] : []
}

function hexLines(hex) {
  const bytes = hex.match(/../g)
  const lines = []
  for (let i = 0; i < bytes.length; i += BYTES_IN_LINE)
    lines.push(`       ${bytes.slice(i, i + BYTES_IN_LINE).join(' ')}`)
  return lines.length <= LINES_SHOWN
    ? lines
    : [...lines.slice(0, LINES_SHOWN), `       … ${bytes.length} bytes in all`]
}

function* problems() {
  const rows = (title) => {
    const [, part] = written.split(`### ${title}\n`)
    return new Set(
      [
        ...part
          .split('\n\n- ')[0]
          .split('\n### ')[0]
          .matchAll(/^\| `([0-9a-f]{2})` /gm),
      ].map(([, hex]) => hex),
    )
  }
  for (const [title, opcodes] of [
    ['From the client', CLIENT_OPCODES],
    ['From the server', SERVER_OPCODES],
  ]) {
    const told = rows(title)
    for (const [name, byte] of Object.entries(opcodes)) {
      const hex = byte.toString(16)
      if (!told.delete(hex)) yield `the table “${title}” lacks ${name}, ${hex}`
    }
    for (const hex of told) yield `the table “${title}” has ${hex}, which is no message`
  }
  for (const word of [...PHASES, ...END_REASONS])
    if (!written.includes(`\`${word}\``)) yield `it lacks ${word}`
  for (const [name, value] of bounds()) {
    if (!written.includes(value.toLocaleString('en-US')))
      yield `it does not tell ${name}, ${value.toLocaleString('en-US')}`
  }
}

/** Every bound that a client must know. */
function* bounds() {
  yield* Object.entries({
    CREDIT_EVERY_BYTES,
    CREDIT_EVERY_MS,
    CREDIT_LEAST_BYTES,
    CREDIT_WINDOW_BYTES,
    DEFAULT_RING_BYTES,
    INPUT_ACK_EVERY_BYTES,
    INPUT_ACK_EVERY_MS,
    MAX_CLIENT_FRAME_BYTES,
    MAX_HEADER_BYTES,
    MAX_HEARTBEAT_BYTES,
    MAX_UNACKED_INPUT_BYTES,
  })
  for (const [name, { min, max }] of Object.entries({ COLUMNS, ROWS, TOKEN_TTL_SECONDS })) {
    yield [`${name}.min`, min]
    yield [`${name}.max`, max]
  }
}
