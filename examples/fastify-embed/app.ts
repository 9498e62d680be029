import { cliscale } from '@cliscale/server'
import Fastify, { type FastifyInstance } from 'fastify'

/** The app that you have already, with terminals under a path of its own. */
export async function createApp(dataDir: string): Promise<FastifyInstance> {
  const app = Fastify()
  app.get('/', async () => ({ app: 'mine' }))
  await app.register(cliscale, { prefix: '/terminals', dataDir })
  return app
}
