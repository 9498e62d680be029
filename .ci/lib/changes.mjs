import { existsSync } from 'node:fs'
import { at } from './root.mjs'
import { capture, Refusal } from './run.mjs'

/** What a change is compared with, unless one says: the first of these that git knows. */
const BASES = ['origin/main', 'main']

/**
 * Files that differ from where this branch left `since`, uncommitted and new ones included; without `since` from
 * `origin/main`. Deleted ones are not among them.
 */
export async function changedFiles(since) {
  const base = await baseOf(since)
  const lists = await Promise.all([
    git('diff', '--name-only', '--diff-filter=d', base),
    git('ls-files', '--others', '--exclude-standard'),
  ])
  const files = [...new Set(lists.flatMap((list) => list.split('\n')))].filter((file) => file !== '')
  return { base, files: files.filter((file) => existsSync(at(file))).sort() }
}

async function baseOf(since) {
  for (const ref of since === undefined ? BASES : [since]) {
    const { code, stdout } = await capture('git', ['merge-base', 'HEAD', ref])
    if (code === 0) return stdout.trim()
  }
  if (since !== undefined) throw new Refusal(`git knows no ${since}; name a branch or commit: --since=HEAD~1`)
  return 'HEAD'
}

async function git(...args) {
  const { code, output, stdout } = await capture('git', args)
  if (code !== 0) throw new Refusal(output.trim())
  return stdout
}
