/** What a test repeats: `full` in the nightly run (`bash .ci/run --all`), else `usual`. */
export function inFull(full: number, usual: number): number {
  return process.env.CLISCALE_CI === 'full' ? full : usual
}
