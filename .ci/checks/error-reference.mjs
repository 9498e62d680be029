// Makes packages/sdk/ERRORS.md from the tables of errors and close codes; without --update it only compares.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'
import { CLOSE_CODES } from '../../packages/sdk/src/protocol/close-codes.ts'
import { ERRORS } from '../../packages/sdk/src/protocol/error-codes.ts'
import { at } from '../lib/root.mjs'

const path = at('packages/sdk/ERRORS.md')
const lines = [
  '# Errors',
  '',
  '<!-- Made from src/protocol/error-codes.ts and close-codes.ts by `npm run generate`; do not edit. -->',
  '',
  'Every error of the SDK has a `code`. The same code stands in REST answers as `{"error": {"code", "message", "requestId", "details"?}}`, in `E` messages of the terminal socket, and in the `failure` of a session. Retryable means that the same call may succeed later without a change by the caller. Status `–`: raised by the SDK itself.',
  '',
  '| Code | Class | HTTP | Close | Retryable | Meaning |',
  '| --- | --- | --- | --- | --- | --- |',
  ...Object.entries(ERRORS).map(
    ([code, row]) =>
      `| \`${code}\` | ${row.class}Error | ${row.status || '–'} | ${row.close} | ${row.retryable ? 'yes' : 'no'} | ${row.meaning} |`,
  ),
  '',
  '## Close codes',
  '',
  'The code with which the terminal socket is closed. Retry means that a new connection, with a new token, may help.',
  '',
  '| Code | Name | Retry | Meaning |',
  '| --- | --- | --- | --- |',
  ...Object.entries(CLOSE_CODES).map(
    ([code, { name, retry, meaning }]) => `| ${code} | ${name} | ${retry ? 'yes' : 'no'} | ${meaning} |`,
  ),
  '',
]
const page = await format(lines.join('\n'), { ...(await resolveConfig(path)), filepath: path })
if (process.argv.includes('--update')) writeFileSync(path, page)
else if (!existsSync(path) || readFileSync(path, 'utf8') !== page) {
  console.error('packages/sdk/ERRORS.md is not what the tables say: npm run generate')
  process.exitCode = 1
}
