// Stands for `fast-check` in the tests: the same, with the seed of the whole run.
import * as fc from 'fast-check'

const seed = Number(process.env.CLISCALE_TEST_SEED)
if (Number.isInteger(seed)) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed })

export * from 'fast-check'
export { default } from 'fast-check'
