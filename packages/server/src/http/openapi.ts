import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { ErrorBodySchema } from './error-schema.ts'

const ERROR_REF = { $ref: '#/components/schemas/ErrorBody' }

/**
 * Collects the schemas of every route that is added after this call into an OpenAPI 3.1 document, served as
 * `GET /openapi.json`. Its version is that of the paths, `v1`: it stays while answers only grow.
 */
export async function addOpenApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Cliscale',
        version: '1',
        description:
          'Sessions that run a command in a real terminal. Requests refuse fields that they do not know; answers may grow.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      security: [{ apiKey: [] }],
      components: {
        securitySchemes: {
          apiKey: { type: 'http', scheme: 'bearer', description: 'An API key (`csk_…`).' },
        },
        schemas: { ErrorBody: ErrorBodySchema },
      },
    },
    transform: ({ schema, url }) => ({ schema: withErrors(schema), url }),
  })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}

/** Every answer that a route does not describe is an error of the one shape. */
function withErrors(schema: FastifySchema | undefined): FastifySchema {
  const response = (schema?.response ?? {}) as Record<string, unknown>
  const described = Object.fromEntries(
    Object.entries(response).map(([status, body]) => [
      status,
      { description: status.startsWith('2') ? 'Done.' : 'Not now.', ...(body as object) },
    ]),
  )
  const success = Object.keys(described).some((status) => status.startsWith('2'))
  return {
    ...schema,
    response: {
      ...(success ? {} : { 200: { description: 'Done.' } }),
      ...described,
      default: { description: 'An error.', content: { 'application/json': { schema: ERROR_REF } } },
    },
  }
}
