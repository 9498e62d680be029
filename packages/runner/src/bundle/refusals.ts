import type { BundleErrorCode } from './bundle-error.ts'
import type { UnpackLimits } from './limits.ts'

/** What a sentence may mention. */
interface Subject {
  /** The entry that is meant, quoted; empty when all of the archive is. */
  readonly entry: string
  readonly limits: UnpackLimits
}

interface Refusal {
  readonly code: BundleErrorCode
  readonly sentence: (subject: Subject) => string
  readonly hint?: string
}

const invalid = (what: string): Refusal => ({
  code: 'BUNDLE_INVALID',
  sentence: ({ entry }) => `The entry ${entry} ${what}.`,
})

const tooLarge = (sentence: Refusal['sentence']): Refusal => ({ code: 'BUNDLE_TOO_LARGE', sentence })

/** Why an archive is not unpacked: one code and one sentence for each reason. */
export const REFUSALS = {
  'no-archive': {
    code: 'BUNDLE_INVALID',
    sentence: () => 'The bundle is neither a tar nor a zip archive.',
    hint: 'Use .tar.gz, .tgz, .tar or .zip.',
  },
  damaged: { code: 'BUNDLE_INVALID', sentence: () => 'The bundle is damaged: it cannot be read to its end.' },

  outside: invalid('lies outside the archive'),
  'no-name': invalid('has no name'),
  nul: invalid('has a NUL in its name'),
  backslash: invalid('has a backslash in its name'),
  twice: invalid('is there twice'),
  'below-file': invalid('lies below something that is no folder'),
  'below-link': invalid('lies below a link'),
  special: invalid('is neither file, folder nor link'),
  'link-outside': invalid('links to the outside'),
  'link-through-link': invalid('links through another link'),
  'hard-link': invalid('is a hard link to what is no file of the bundle before it'),
  'zip-link': {
    ...invalid('is a symbolic link, which a zip bundle may not hold'),
    hint: 'Use .tar.gz for a bundle with links.',
  },
  encrypted: invalid('is encrypted'),
  compression: invalid('is compressed in a way that is not supported'),
  overlap: invalid('shares its bytes with another entry'),
  'two-names': invalid('has another name in front of its data than in the list of entries'),
  size: invalid('does not have the size that the archive tells'),

  'path-bytes': tooLarge(
    ({ entry, limits }) => `The entry ${entry} has a path of more than ${limits.pathBytes} bytes.`,
  ),
  'name-bytes': tooLarge(
    ({ entry, limits }) => `The entry ${entry} has a name of more than ${limits.nameBytes} bytes.`,
  ),
  depth: tooLarge(({ entry, limits }) => `The entry ${entry} lies more than ${limits.depth} folders deep.`),
  entries: tooLarge(({ limits }) => `The bundle has more than ${limits.entries} entries.`),
  bytes: tooLarge(({ limits }) => `The bundle unpacks to more than ${limits.bytes} bytes.`),
  'entry-ratio': tooLarge(
    ({ entry, limits }) => `The entry ${entry} unpacks to more than ${limits.ratio} times its packed size.`,
  ),
  ratio: tooLarge(({ limits }) => `The bundle unpacks to more than ${limits.ratio} times its own size.`),
} as const satisfies Record<string, Refusal>

/** Name of a reason. */
export type RefusalName = keyof typeof REFUSALS

/** An archive that is not unpacked. Thrown inside the program that unpacks. */
export class Refused extends Error {
  readonly refusal: RefusalName
  /** The entry's path as the archive has it; empty when all of the archive is meant. */
  readonly entry: string

  constructor(refusal: RefusalName, entry = '') {
    super(refusal)
    this.name = 'Refused'
    this.refusal = refusal
    this.entry = entry
  }
}
