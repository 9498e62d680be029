import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AxeResults, RunOptions } from 'axe-core'
import type { Page } from 'playwright-core'
import { waitFor } from '../support/wait-for.ts'

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

declare const axe: { readonly run: (options: RunOptions) => Promise<AxeResults> }

/** What axe finds in the page as it is now, of whatever impact: rule, element, and what is wrong with it. */
export async function findings(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.addScriptTag({ content: AXE })
  const { violations } = await page.evaluate(
    async () => await axe.run({ resultTypes: ['violations'], preload: false }),
  )
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${impact} ${id}: ${html}\n${failureSummary}`),
  )
}

/** The same in the dark and in the light theme. The page must follow the system. */
export async function findingsOfThemes(page: Page, where: string): Promise<string[]> {
  const found: string[] = []
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await waitFor(
      async () => colorScheme === (await page.evaluate(() => document.documentElement.dataset.theme)),
      { what: `the page is ${colorScheme}` },
    )
    found.push(...(await findings(page)).map((finding) => `${where}, ${colorScheme}: ${finding}`))
  }
  return found
}
