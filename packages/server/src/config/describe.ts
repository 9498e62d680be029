import type { Config } from './config.ts'
import { OPTIONS, type OptionRow } from './options.ts'

const ROWS: readonly (readonly [string, OptionRow])[] = Object.entries(OPTIONS)

/** Commands with one sentence each. */
export const COMMANDS: readonly (readonly [string, string])[] = [
  ['serve', 'Starts the server. Done when no command is named.'],
  ['login', 'Prints a new link that signs a browser in to the console.'],
  ['keys create <name>', 'Makes an API key and prints it once. --scopes=sessions:read,sessions:write,admin'],
  ['keys list', 'Lists the API keys.'],
  ['keys revoke <id>', 'Makes an API key invalid at once.'],
  ['config', 'Prints the configuration that would be used, without secrets.'],
  ['migrate', 'Brings the database up to date and ends.'],
  [
    'exec -- <command>',
    'Runs a command beside a throwaway server: CLISCALE_URL and CLISCALE_API_KEY are set.',
  ],
]

/** Text of `--help`. */
export function helpText(version: string): string {
  return [
    `cliscale-server ${version}: real terminals for your app.`,
    '',
    'Usage: cliscale-server [command] [options]',
    '',
    'Commands:',
    ...COMMANDS.map(([name, meaning]) => `  ${name.padEnd(20)} ${meaning}`),
    '',
    'Options, each also as an environment variable:',
    ...ROWS.flatMap(([, row]) => [
      `  ${row.flag === null ? row.env : `--${row.flag}  (${row.env})`}`,
      ...wrap(`${row.meaning}${defaultSentence(row)}`, 92).map((line) => `      ${line}`),
    ]),
    '',
    '  --help, --version',
    '',
  ].join('\n')
}

/** The reference page, as Markdown. */
export function referencePage(): string {
  return [
    '# Configuration of `cliscale-server`',
    '',
    '<!-- Made from src/config/options.ts by `npm run generate`; do not edit. -->',
    '',
    'Flags come before environment variables, variables before defaults. All problems are reported at once, one sentence each, and the exit code is 2.',
    '',
    '| Flag | Variable | Default | Modes | Meaning |',
    '| --- | --- | --- | --- | --- |',
    ...ROWS.map(
      ([, row]) =>
        `| ${[
          row.flag === null ? '–' : `\`--${row.flag}\``,
          `\`${row.env}\``,
          defaultText(row),
          row.modes.length === 3 ? 'all' : row.modes.join(', '),
          row.meaning.replaceAll('|', '\\|'),
        ].join(' | ')} |`,
    ),
    '',
  ].join('\n')
}

/** The configuration as it may be shown: secrets say only whether they are set. */
export function redactConfig(config: Config): Record<string, unknown> {
  const values: Readonly<Record<string, unknown>> = config
  return Object.fromEntries(
    ROWS.filter(([, row]) => row.modes.includes(config.mode)).map(([name, row]) => [
      name,
      row.secret === true && values[name] !== null ? '[set]' : values[name],
    ]),
  )
}

/** Only what differs from the defaults: the line at start stays short. */
export function changedOptions(config: Config): Record<string, unknown> {
  const defaults: Readonly<Record<string, OptionRow>> = OPTIONS
  return Object.fromEntries(
    Object.entries(redactConfig(config)).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(defaults[name]?.default),
    ),
  )
}

function defaultText(row: OptionRow): string {
  if (row.default === null || (Array.isArray(row.default) && row.default.length === 0)) return '–'
  return `\`${String(row.default)}\``
}

function defaultSentence(row: OptionRow): string {
  return defaultText(row) === '–' || row.default === false ? '' : ` Default: ${String(row.default)}.`
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
