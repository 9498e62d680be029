/**
 * What stands at the end of a path: a kind of value. `function/2` is a function that declares two parameters, `array` one
 * that has members, `absent` a member that is there and has no value yet.
 */
export type Kind = string

/** Paths of members, each with what stands there. `name()` is what the member answers. */
export type Shape = Readonly<Record<string, Kind>>

/** One sentence for each path of `shape` that `root` does not have as it says. */
export function shapeProblems(root: object, shape: Shape): string[] {
  return Object.entries(shape).flatMap(([path, kind]) => {
    const found = kindAt(root, path)
    return found === kind ? [] : [`${path} is ${found}, not ${kind}`]
  })
}

function kindAt(root: object, path: string): Kind {
  let value: unknown = root
  for (const step of path.split('.')) {
    const name = step.replace(/\(\)$/, '')
    if (typeof value !== 'object' || value === null || !(name in value)) return `missing at ${step}`
    const owner = value as Record<string, unknown>
    const member = owner[name]
    if (step.endsWith('()') && typeof member !== 'function') return `no function at ${step}`
    value = step.endsWith('()') ? (member as () => unknown).call(owner) : member
  }
  return kindOf(value)
}

function kindOf(value: unknown): Kind {
  if (value === undefined || value === null) return 'absent'
  if (typeof value === 'function') return `function/${value.length}`
  if (Array.isArray(value)) return value.length === 0 ? 'empty array' : 'array'
  if (typeof value !== 'object') return typeof value
  const { name } = value.constructor
  // Libraries shorten the names of their classes; those of the platform are what they are.
  return Object.hasOwn(globalThis, name) && name !== 'Object' ? name : 'object'
}
