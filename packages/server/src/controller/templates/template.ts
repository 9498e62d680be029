import type {
  BundleSpec,
  LowerLimits,
  RecordingMode,
  TemplateInfo,
  TemplateOpening,
} from '@cliscale/sdk/protocol'

/** A named recipe for sessions, written by the operator. */
export interface Template {
  /** Lower-case letters, digits and dashes; what clients name. */
  readonly name: string
  /** For people. */
  readonly title: string
  readonly description: string
  readonly command: string
  readonly args: readonly string[]
  /** Environment of the command beside what a client may add. */
  readonly env: Readonly<Record<string, string>>
  /** Below the work folder. Default: the work folder. */
  readonly cwd?: string
  readonly bundle?: BundleSpec
  readonly lifetimeSeconds: number
  /** 0 = never. */
  readonly idleTimeoutSeconds: number
  /** What its sessions may use, where that is less than the server allows. */
  readonly limits?: LowerLimits
  /** What is written down of its sessions. */
  readonly recording: RecordingMode
  /** What clients may have otherwise than this template says. */
  readonly allow: readonly TemplateOpening[]
}

/** A template as clients see it: without its environment. */
export function templateInfo(template: Template): TemplateInfo {
  const { name, title, description, command, args, recording, allow } = template
  return { name, title, description, command, args, recording, allow }
}
