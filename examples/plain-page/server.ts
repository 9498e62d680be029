import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import { Cliscale, type Session } from '@cliscale/sdk'
import Fastify from 'fastify'

const cliscale = new Cliscale({
  baseUrl: process.env.CLISCALE_URL ?? 'http://127.0.0.1:7680',
  apiKey: process.env.CLISCALE_API_KEY,
})

const app = Fastify()
const mount = join(
  dirname(fileURLToPath(import.meta.resolve('@cliscale/react/package.json'))),
  'dist',
  'mount',
)
app.register(fastifyStatic, { root: mount, prefix: '/cliscale/' })
app.get('/', (_request, reply) => reply.sendFile('index.html', import.meta.dirname))

// One session for all who open the page; a real app asks first who is signed in, as the example react-vite does.
let session: Session | undefined
app.post('/api/terminal', async () => {
  const known = await session?.refresh()
  session = known === undefined || known.state === 'ended' ? await cliscale.sessions.create() : known
  return await session.createToken({ role: 'driver' })
})

const address = await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(`Open ${address}`)
