/**
 * UTF-8 without a dependency on the platform's types: `TextEncoder` and `TextDecoder` are in every runtime that the
 * SDK supports, but neither in the ES library nor, under the same name, in DOM and Node types alike.
 */

interface Encoder {
  encode(text: string): Uint8Array
}
interface Decoder {
  decode(bytes: Uint8Array): string
}
interface Platform {
  readonly TextEncoder: new () => Encoder
  readonly TextDecoder: new (label: string, options: { fatal: boolean; ignoreBOM: boolean }) => Decoder
}

const platform = globalThis as unknown as Platform
const encoder = new platform.TextEncoder()
const decoder = new platform.TextDecoder('utf-8', { fatal: false, ignoreBOM: true })

/** UTF-8 bytes of `text`. */
export function toUtf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Text of UTF-8 `bytes`; what is not UTF-8 becomes U+FFFD. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}
