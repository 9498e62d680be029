/** The seed of the whole run, which `npm test` prints and takes from `CLISCALE_TEST_SEED`. */
const SEED = Number(process.env.CLISCALE_TEST_SEED ?? 1)

/** Numbers from 0 up to 1 that are the same for the same seed of the run: Lehmer's generator (Park and Miller, 1988). */
export function seededRandom(): () => number {
  let state = (SEED % 2_147_483_646) + 1
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}
