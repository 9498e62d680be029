/**
 * Writes a command's result to standard output. Resolves to the exit code: 0, or 1 when it could not be written, which is
 * then said on standard error, but for a reader that has seen enough.
 *
 * `ifLost`: one more sentence, when the result is not to be had again.
 */
export async function printResult(text: string, ifLost = ''): Promise<number> {
  const code = await failureOf(process.stdout, text)
  if (code === null) return 0
  if (code === 'EPIPE' && ifLost === '') return 1
  console.error(`The result could not be written to standard output (${code}). ${ifLost}`.trim())
  return 1
}

/** Standard streams may fail at any time (a closed pipe, a full disk); without a listener that would end the process. */
export function outliveStandardStreams(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
}

async function failureOf(stream: NodeJS.WriteStream, text: string): Promise<string | null> {
  return await new Promise((resolve) => {
    stream.write(text, (error) => {
      if (error === null || error === undefined) resolve(null)
      else resolve('code' in error ? String(error.code) : error.message)
    })
  })
}
