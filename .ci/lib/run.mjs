import { spawn } from 'node:child_process'
import { delimiter } from 'node:path'
import { at, root } from './root.mjs'

/** A failure that is told to the reader as one sentence, without a stack. */
export class Refusal extends Error {}

/** The environment of every command: tools of the repository first, so that `node` is the pinned one. */
export function environment(extra = {}) {
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env
  return { ...inherited, PATH: at('node_modules', '.bin') + delimiter + process.env.PATH, ...extra }
}

/** Runs a command with our own standard streams. Resolves to its exit code; a signal counts as 1. */
export function run(command, args, { cwd = root, env = {}, stdio = 'inherit' } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: environment(env), stdio })
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
}

/** Runs a command and resolves to what it wrote and how it ended. */
export function capture(command, args, { cwd = root, env = {}, input } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: environment(env), stdio: ['pipe', 'pipe', 'pipe'] })
    const chunks = []
    const stdout = []
    child.stdout.on('data', (chunk) => (chunks.push(chunk), stdout.push(chunk)))
    child.stderr.on('data', (chunk) => chunks.push(chunk))
    child.on('error', reject)
    child.on('close', (code) =>
      resolve({
        code: code ?? 1,
        output: Buffer.concat(chunks).toString(),
        stdout: Buffer.concat(stdout).toString(),
      }),
    )
    child.stdin.end(input)
  })
}

/** Runs a command that must succeed. */
export async function must(command, args, options) {
  const code = await run(command, args, options)
  if (code !== 0) throw new Refusal(`${[command, ...args].join(' ')} failed with exit code ${code}`)
}

/** Runs a script's main function and turns what it throws into an exit code. */
export async function main(body) {
  try {
    process.exitCode = (await body()) ?? 0
  } catch (error) {
    console.error(error instanceof Refusal ? error.message : error)
    process.exitCode = 1
  }
}
