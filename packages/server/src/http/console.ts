import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { CodedError } from './coded-error.ts'

const ONE_YEAR_SECONDS = 31_536_000

/**
 * Serves the built console from `folder`. Names in `assets/` carry a digest and never change; every other address that
 * a browser navigates to is the one page.
 */
export async function serveConsole(app: FastifyInstance, folder: string): Promise<void> {
  if (!existsSync(join(folder, 'index.html'))) {
    app.get('/', { schema: { hide: true } }, async () => {
      throw new CodedError('NOT_FOUND', 'The console is not built; run: npm run build')
    })
    return
  }
  await app.register(fastifyStatic, {
    root: folder,
    wildcard: false,
    index: ['index.html'],
    cacheControl: false,
    schemaHide: true,
    setHeaders: (reply, path) => {
      const unchanging = path.startsWith(join(folder, 'assets'))
      reply.header(
        'cache-control',
        unchanging ? `public, max-age=${ONE_YEAR_SECONDS}, immutable` : 'no-cache',
      )
    },
  })
}
