import { Agent, type IncomingMessage, METHODS, request as httpRequest } from 'node:http'
import { pipeline } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Client, clientOf, FORWARDING_HEADERS } from '../../http/client.ts'
import { CodedError } from '../../http/coded-error.ts'

/** Headers that speak of one connection only (RFC 9110, section 7.6.1). */
const OF_THE_CONNECTION = new Set(['connection', 'keep-alive', 'proxy-connection', 'upgrade'])

const OVERWRITTEN: ReadonlySet<string> = new Set(FORWARDING_HEADERS)

/** All but those that are answered here: a preflight of CORS, and what is for proxies. */
const FORWARDED = METHODS.filter((method) => method !== 'OPTIONS' && method !== 'CONNECT')

/** Passes every request for which there is no route on to the HTTP server at a Unix socket, unread. */
export function forwardRest(app: FastifyInstance, socketPath: string): void {
  // A connection for each request, ended here: one that is kept could end just as it is used again.
  const agent = new Agent({ keepAlive: false })
  for (const method of FORWARDED)
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true })
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _body, done) => done(null))
    scope.route({
      method: FORWARDED,
      url: '/*',
      schema: { hide: true, querystring: {} },
      handler: (request, reply) => forward(request, reply, { agent, socketPath }),
    })
    // The controller of workers has no terminals, so it would not know this address.
    scope.route({
      method: FORWARDED.filter((method) => method !== 'GET' && method !== 'HEAD'),
      url: '/v1/sessions/:id/terminal',
      schema: { hide: true, querystring: {} },
      handler: async (request, reply) => {
        reply.header('allow', 'GET, HEAD')
        throw new CodedError('METHOD_NOT_ALLOWED', `This address takes GET, HEAD, not ${request.method}.`)
      },
    })
  })
}

async function forward(
  request: FastifyRequest,
  reply: FastifyReply,
  options: { readonly agent: Agent; readonly socketPath: string },
): Promise<FastifyReply> {
  const answer = await ask(request.raw, reply, { ...options, client: clientOf(request) }).catch(
    (error: unknown) => {
      if (reply.raw.destroyed) return null
      throw new CodedError('OVERLOADED', 'The controller of this server does not answer; try again.', {
        cause: error,
        retryAfterMs: 1_000,
      })
    },
  )
  reply.hijack()
  if (answer === null) return reply
  reply.raw.writeHead(answer.statusCode ?? 502, answer.statusMessage, headersOf(answer, true))
  reply.raw.flushHeaders()
  pipeline(answer, reply.raw, () => undefined)
  return reply
}

async function ask(
  raw: IncomingMessage,
  reply: FastifyReply,
  { client, ...options }: { readonly agent: Agent; readonly socketPath: string; readonly client: Client },
): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    const { method, url } = raw
    // The controller must not close first: Node writes the end of a request after its body, and where that write finds
    // nobody it drops the answer that has come.
    const headers = [...headersOf(raw, false), ...forwarding(client), 'Connection', 'keep-alive']
    const outgoing = httpRequest({ ...options, method, path: url, headers }, resolve)
    // What comes of a request that is answered already is read and dropped: who is cut off while it sends sees no answer.
    const letGo = (): void => {
      raw.unpipe(outgoing)
      raw.resume()
    }
    outgoing.on('error', (error) => {
      letGo()
      reject(error)
    })
    reply.raw.once('close', () => {
      letGo()
      outgoing.destroy()
    })
    raw.pipe(outgoing)
  })
}

/** The controller believes its workers, so what others wrote into these headers ends here. */
function forwarding({ address, protocol, host }: Client): string[] {
  const [forAddress, forProtocol, forHost] = FORWARDING_HEADERS
  return [forAddress, address, forProtocol, protocol, ...(host === undefined ? [] : [forHost, host])]
}

/** Name, value, name, value. Only the framing of an answer is ours to choose: a request keeps its own. */
function headersOf({ rawHeaders }: IncomingMessage, isAnswer: boolean): string[] {
  return rawHeaders.flatMap((name, at) => {
    if (at % 2 === 1) return []
    const lower = name.toLowerCase()
    if (!isAnswer && OVERWRITTEN.has(lower)) return []
    if (OF_THE_CONNECTION.has(lower) || (isAnswer && lower === 'transfer-encoding')) return []
    return [name, rawHeaders[at + 1] ?? '']
  })
}
