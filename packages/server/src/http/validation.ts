import type { ErrorDetail } from '@cliscale/sdk/protocol'
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'
import { CodedError } from './coded-error.ts'
import { MAX_DETAILS } from './limits.ts'

/**
 * Compiles a route's TypeBox schemas. Bodies are taken as they are; in path and query, which are text, whole
 * numbers are read. An absent body counts as `{}`. What does not fit throws `UNKNOWN_FIELD` or `VALIDATION_FAILED`
 * with one detail for each field.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = Compile(schema)
  return (input: unknown) => {
    const value = httpPart === 'body' ? (input ?? {}) : readTexts(schema, input)
    if (validator.Check(value)) return { value }
    return { error: refusal(validator.Errors(value), httpPart === 'body') }
  }
}

interface WithProperties {
  readonly properties?: Readonly<Record<string, { readonly type?: string }>>
}

/** Path and query are text. A number is one in decimal digits; TypeBox's own conversion takes `true` and `1.5` for 1. */
function readTexts(schema: TSchema, input: unknown): unknown {
  const { properties = {} } = schema as WithProperties
  return Object.fromEntries(
    Object.entries(input ?? {}).map(([name, value]: [string, unknown]) => {
      const type = Object.hasOwn(properties, name) ? properties[name]?.type : undefined
      const isNumber = type === 'integer' && typeof value === 'string' && /^-?\d{1,15}$/.test(value)
      return [name, isNumber ? Number(value) : value]
    }),
  )
}

function refusal(errors: readonly TLocalizedValidationError[], pointer: boolean): CodedError {
  const unknown = errors.flatMap((error) => unknownFields(error, pointer))
  const wrong = errors.flatMap((error) => wrongField(error, pointer))
  const details = [...unknown, ...wrong].slice(0, MAX_DETAILS)
  const [first] = details
  const code = wrong.length === 0 && unknown.length > 0 ? 'UNKNOWN_FIELD' : 'VALIDATION_FAILED'
  const message =
    first === undefined ? undefined : `${first.field === '' ? 'The body' : first.field} ${first.problem}.`
  return new CodedError(code, message, { details })
}

function unknownFields(error: TLocalizedValidationError, pointer: boolean): ErrorDetail[] {
  if (error.keyword !== 'additionalProperties') return []
  return error.params.additionalProperties.map((name) => ({
    field: fieldName(`${error.instancePath}/${escapePointer(name)}`, pointer),
    problem: 'is not a field of this call',
  }))
}

function wrongField(error: TLocalizedValidationError, pointer: boolean): ErrorDetail[] {
  switch (error.keyword) {
    case 'additionalProperties':
      return []
    case 'boolean':
      // Comes with `additionalProperties`, which says it better.
      return error.schemaPath.endsWith('/additionalProperties') ? [] : [detail(error, pointer)]
    case 'required':
      return error.params.requiredProperties.map((name) => ({
        field: fieldName(`${error.instancePath}/${escapePointer(name)}`, pointer),
        problem: 'is required',
      }))
    case 'enum':
      return [
        { ...detail(error, pointer), problem: `must be one of ${error.params.allowedValues.join(', ')}` },
      ]
    default:
      return [detail(error, pointer)]
  }
}

function detail(error: TLocalizedValidationError, pointer: boolean): ErrorDetail {
  return { field: fieldName(error.instancePath, pointer), problem: error.message }
}

/** A JSON Pointer into the body, or the plain name of a query or path parameter. */
function fieldName(path: string, pointer: boolean): string {
  const cut = path.slice(0, 256)
  return pointer ? cut : cut.replace(/^\//, '').replaceAll('~1', '/').replaceAll('~0', '~')
}

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
