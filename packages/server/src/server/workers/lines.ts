import type { DestinationStream } from 'pino'

/**
 * Passes what a process prints on to `out` in whole lines: the lines of several processes are not mixed up, as they
 * would be if all wrote to the same pipe.
 */
export function linesTo(out: DestinationStream): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    const end = chunk.lastIndexOf(0x0a) + 1
    const whole = Buffer.concat([rest, chunk.subarray(0, end)])
    if (end > 0) out.write(whole.toString())
    rest = end > 0 ? Buffer.from(chunk.subarray(end)) : Buffer.concat([rest, chunk])
  }
}
