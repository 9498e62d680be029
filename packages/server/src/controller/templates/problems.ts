import type { TSchema } from 'typebox'
import type { TLocalizedValidationError } from 'typebox/error'
import { suggestion } from '../../config/nearest.ts'

/** A file repeats a mistake in every entry; more than so many problems are not told. */
const MAX_PROBLEMS = 20

/** What is wrong with a file, one phrase each: the field's path, what it may be, and what was probably meant. */
export function problemsOf(
  value: unknown,
  schema: TSchema,
  errors: readonly TLocalizedValidationError[],
): readonly string[] {
  const problems = errors.flatMap((error) => {
    const path = error.instancePath.split('/').slice(1).map(unescape)
    const field = fieldName(path)
    switch (error.keyword) {
      case 'additionalProperties': {
        const known = Object.keys(propertiesAt(schema, path))
        return error.params.additionalProperties.map(
          (name) =>
            `${fieldName([...path, name])} is no field; there are ${known.join(', ')}${suggestion(name, known)}`,
        )
      }
      case 'boolean':
        // Comes with `additionalProperties`, which says it better.
        return []
      case 'required':
        return error.params.requiredProperties.map((name) => `${fieldName([...path, name])} is required`)
      case 'enum': {
        const allowed = error.params.allowedValues.map(String)
        const given = at(value, path)
        const meant = typeof given === 'string' ? suggestion(given, allowed) : ''
        return [`${field} must be one of ${allowed.join(', ')}, not ${shown(given)}${meant}`]
      }
      default:
        // A value of the environment may be a secret.
        return [
          path.includes('env')
            ? `${field} ${error.message}`
            : `${field} ${error.message}, not ${shown(at(value, path))}`,
        ]
    }
  })
  return [...new Set(problems)].slice(0, MAX_PROBLEMS)
}

/** `templates[0].allow[1]`. */
function fieldName(path: readonly string[]): string {
  if (path.length === 0) return 'the whole'
  const name = path.map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part.slice(0, 100)}`)).join('')
  return name.replace(/^\./, '')
}

function at(value: unknown, path: readonly string[]): unknown {
  let found = value
  for (const part of path) found = (found as Readonly<Record<string, unknown>> | undefined)?.[part]
  return found
}

/** Fields of an object of a schema. */
function propertiesAt(schema: TSchema, path: readonly string[]): object {
  let found = schema as Described
  for (const part of path) found = found.items ?? found.properties?.[part] ?? {}
  return found.properties ?? {}
}

interface Described {
  readonly properties?: Readonly<Record<string, Described>>
  readonly items?: Described
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) return 'nothing'
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

function unescape(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~')
}
