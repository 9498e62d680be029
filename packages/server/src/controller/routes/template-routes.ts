import type { ListTemplatesResponse } from '@cliscale/sdk/protocol'
import type { FastifyInstance } from 'fastify'
import { TemplateListSchema } from '../schemas.ts'
import { templateInfo } from '../templates/template.ts'
import type { RoutesContext } from './context.ts'

/** `GET /v1/templates`. */
export function templateRoutes(app: FastifyInstance, context: RoutesContext): void {
  const schema = {
    operationId: 'listTemplates',
    summary: 'List what sessions can be started from',
    tags: ['templates'],
    response: { 200: TemplateListSchema },
  }
  app.get('/v1/templates', { schema }, async (request): Promise<ListTemplatesResponse> => {
    await context.identify(request, 'sessions:read')
    return { templates: [...context.templates.values()].map(templateInfo) }
  })
}
