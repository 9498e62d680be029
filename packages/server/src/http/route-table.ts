/** Remembers which methods an address takes, to tell "no such address" from "not with this method". */
export class RouteTable {
  readonly #routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = []

  /** `path` as Fastify writes it: `/v1/sessions/:id`. */
  add(method: string | readonly string[], path: string): void {
    const pattern = path
      .split('/')
      .map((part) => (part.startsWith(':') ? '[^/]+' : escape(part)))
      .join('/')
    this.#routes.push({
      pattern: new RegExp(`^${pattern}$`),
      methods: typeof method === 'string' ? [method] : method,
    })
  }

  /** Empty when there is no route for the path. */
  methodsOf(path: string): readonly string[] {
    const methods = this.#routes.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods)
    return [...new Set(methods)].toSorted()
  }
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}
