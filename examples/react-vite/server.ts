import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import { Cliscale, NotFoundError, type Session } from '@cliscale/sdk'
import Fastify, { type FastifyRequest } from 'fastify'

// Your server: it holds the API key, knows who is signed in, and decides which session that person may open.
const cliscale = new Cliscale({
  baseUrl: process.env.CLISCALE_URL ?? 'http://127.0.0.1:7680',
  apiKey: process.env.CLISCALE_API_KEY,
})

interface User {
  readonly id: string
  readonly name: string
  session?: Promise<Session>
}
const users = new Map<string, User>()

const app = Fastify()
app.register(fastifyStatic, { root: join(import.meta.dirname, 'dist') })

const nameSchema = {
  type: 'object',
  required: ['name'],
  properties: { name: { type: 'string', minLength: 1, maxLength: 40 } },
} as const

// Stands for the sign-in that your product has.
app.post<{ Body: { name: string } }>(
  '/api/sign-in',
  { schema: { body: nameSchema } },
  async (request, reply) => {
    const user: User = { id: randomUUID(), name: request.body.name }
    users.set(user.id, user)
    reply.header('set-cookie', `user=${user.id}; Path=/; HttpOnly; SameSite=Strict`)
    return { name: user.name }
  },
)

// The token endpoint: asked at every connect, answers with the person's own session only.
app.post('/api/terminal', async (request, reply) => {
  const user = whoIs(request)
  if (user === undefined) return reply.code(401).send({ error: 'Sign in first.' })
  const session = await sessionOf(user)
  return await session.createToken({ role: 'driver' })
})

async function sessionOf(user: User): Promise<Session> {
  const known = await user.session?.then((session) => session.refresh()).catch(forgetMissing)
  if (known !== undefined && known.state !== 'ended') return known
  user.session = cliscale.sessions.create({ owner: user.id, metadata: { name: user.name } })
  return await user.session
}

function forgetMissing(error: unknown): undefined {
  if (!(error instanceof NotFoundError)) throw error
}

function whoIs(request: FastifyRequest): User | undefined {
  const id = /(?:^|;\s*)user=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1]
  return id === undefined ? undefined : users.get(id)
}

const address = await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(`Open ${address}`)
