import type {
  CreateSessionRequest,
  RecordingMode,
  TemplateInfo,
  TemplateOverride,
} from '@cliscale/sdk/protocol'

/** What the dialog's fields hold, as typed. */
export interface CreateForm {
  readonly name: string
  /** Program and arguments on one line. */
  readonly command: string
  /** `NAME=value` lines. */
  readonly env: string
  /** `NAME=value` lines that the server never shows again. */
  readonly secrets: string
  readonly cwd: string
  readonly bundleUrl: string
  readonly bundleSha256: string
  /** Minutes; empty for the template's. */
  readonly lifetime: string
  /** Empty for the template's. */
  readonly recording: RecordingMode | ''
}

/** Names of the fields, to show problems at. */
export type CreateField = keyof CreateForm

/** Problems by field; `form` for those that belong to none. */
export type CreateProblems = Readonly<Partial<Record<CreateField | 'form', string>>>

export const EMPTY_FORM: CreateForm = {
  name: '',
  command: '',
  env: '',
  secrets: '',
  cwd: '',
  bundleUrl: '',
  bundleSha256: '',
  lifetime: '',
  recording: '',
}

/** A request, or why there is none. */
export type FormResult =
  | { readonly request: CreateSessionRequest; readonly problems?: undefined }
  | { readonly request?: undefined; readonly problems: CreateProblems }

/** Whether a template opens a field: as a whole or, of variables, at least one. */
export function opens({ allow }: TemplateInfo, field: TemplateOverride): boolean {
  return allow.some((opening) => opening === field || opening.startsWith(`${field}.`))
}

/** Reads the form for `template`; fields that the template does not open are left out. */
export function readForm(form: CreateForm, template: TemplateInfo): FormResult {
  const problems: Record<string, string> = {}
  const open = (field: TemplateOverride): boolean => opens(template, field)
  const variables = (field: 'env' | 'secrets'): Record<string, string> | undefined => {
    if (!open(field) || form[field].trim() === '') return undefined
    const parsed = parseVariables(form[field])
    if (typeof parsed === 'object') return parsed
    problems[field] = parsed
    return undefined
  }
  const words = open('command') || open('args') ? splitCommand(form.command) : []
  if (words === null) problems.command = 'A quotation mark is not closed.'
  const lifetimeSeconds = open('lifetimeSeconds') ? readMinutes(form.lifetime, problems) : undefined
  const bundle = open('bundle') ? readBundle(form, problems) : undefined
  const env = variables('env')
  const secrets = variables('secrets')
  if (Object.keys(problems).length > 0) return { problems }
  const name = form.name.trim()
  const cwd = open('cwd') ? form.cwd.trim() : ''
  return {
    request: {
      template: template.name,
      ...(name === '' ? {} : { metadata: { name } }),
      ...commandFields(words ?? [], open),
      ...(env === undefined ? {} : { env }),
      ...(secrets === undefined ? {} : { secrets }),
      ...(cwd === '' ? {} : { cwd }),
      ...(bundle === undefined ? {} : { bundle }),
      ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }),
      ...(open('recording') && form.recording !== '' ? { recording: form.recording } : {}),
    },
  }
}

/** A template may open its arguments and keep its command. */
function commandFields(
  words: readonly string[],
  open: (field: TemplateOverride) => boolean,
): Pick<CreateSessionRequest, 'command' | 'args'> {
  if (words.length === 0) return {}
  if (!open('command')) return { args: words }
  const [command, ...args] = words
  return { ...(command === undefined ? {} : { command }), ...(args.length === 0 ? {} : { args }) }
}

/** Splits a line into words as a shell would, with quotation marks and backslashes but nothing else; `null` when a quotation mark is open. */
export function splitCommand(line: string): string[] | null {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let index = 0; index < line.length; index += 1) {
    const character = line.charAt(index)
    if (character === '\\' && quote !== "'" && index + 1 < line.length) {
      index += 1
      word = (word ?? '') + line.charAt(index)
    } else if (quote !== '') {
      if (character === quote) quote = ''
      else word = (word ?? '') + character
    } else if (character === '"' || character === "'") {
      quote = character
      word ??= ''
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else {
      word = (word ?? '') + character
    }
  }
  if (word !== undefined) words.push(word)
  return quote === '' ? words : null
}

/** Reads `NAME=value` lines, or says what is wrong with them. */
export function parseVariables(text: string): Record<string, string> | string {
  const variables: Record<string, string> = {}
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const separator = line.indexOf('=')
    const name = line.slice(0, Math.max(0, separator)).trim()
    if (!/^[A-Za-z_]\w*$/.test(name)) return `Line ${index + 1} is not NAME=value.`
    variables[name] = line.slice(separator + 1)
  }
  return variables
}

function readMinutes(text: string, problems: Record<string, string>): number | undefined {
  if (text.trim() === '') return undefined
  const minutes = Number(text)
  if (Number.isFinite(minutes) && minutes > 0) return Math.round(minutes * 60)
  problems.lifetime = 'Give a number of minutes.'
  return undefined
}

function readBundle(
  form: CreateForm,
  problems: Record<string, string>,
): { url: string; sha256: string } | undefined {
  const url = form.bundleUrl.trim()
  const sha256 = form.bundleSha256.trim().toLowerCase()
  if (url === '' && sha256 === '') return undefined
  if (!URL.canParse(url)) problems.bundleUrl = 'Give the whole address of the archive, with https://.'
  if (!/^[0-9a-f]{64}$/.test(sha256)) problems.bundleSha256 = 'Give the SHA-256 as 64 hexadecimal digits.'
  return { url, sha256 }
}

const FIELD_OF_POINTER: readonly (readonly [RegExp, CreateField])[] = [
  [/^\/?(command|args)/, 'command'],
  [/^\/?env/, 'env'],
  [/^\/?secrets/, 'secrets'],
  [/^\/?cwd/, 'cwd'],
  [/^\/?bundle\/sha256/, 'bundleSha256'],
  [/^\/?bundle/, 'bundleUrl'],
  [/^\/?lifetimeSeconds/, 'lifetime'],
  [/^\/?recording/, 'recording'],
  [/^\/?metadata/, 'name'],
]

/** Puts a refusal of the server at the fields that it names. */
export function problemsOf(
  message: string,
  details: readonly { field: string; problem: string }[],
): CreateProblems {
  const problems: Partial<Record<CreateField | 'form', string>> = {}
  for (const { field, problem } of details) {
    const known = FIELD_OF_POINTER.find(([pattern]) => pattern.test(field))?.[1] ?? 'form'
    problems[known] = [problems[known], problem].filter(Boolean).join(' ')
  }
  return Object.keys(problems).length === 0 ? { form: message } : problems
}
