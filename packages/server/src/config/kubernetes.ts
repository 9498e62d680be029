import type { Environment } from './environment.ts'
import { OPTIONS, type OptionRow } from './options.ts'

/** A variable that Kubernetes made of a Service (`docker --link` style), though an option has its name. */
export interface InjectedVariable {
  readonly name: string
  readonly value: string
  /** Name of the Service, as in `cliscale`. */
  readonly service: string
}

/** Of a Service `a-b` every container gets `A_B_PORT=tcp://10.0.0.1:80`, and other names that no option ends with. */
const NAME = /^(.+)_PORT$/
const VALUE = /^(?:tcp|udp|sctp):\/\/\S+:\d+$/i

/** The Service that a variable comes from; null for one that an operator set. Only the value's shape tells them apart. */
export function serviceOf(name: string, value: string): string | null {
  const service = VALUE.test(value) ? NAME.exec(name)?.[1] : undefined
  return service === undefined ? null : service.toLowerCase().replaceAll('_', '-')
}

/** Variables of the options that were not read, because they speak of a Service. */
export function injectedVariables(env: Environment): readonly InjectedVariable[] {
  const rows: readonly OptionRow[] = Object.values(OPTIONS)
  return rows.flatMap(({ env: name }) => {
    const value = env[name] ?? ''
    const service = serviceOf(name, value)
    return service === null ? [] : [{ name, value, service }]
  })
}
