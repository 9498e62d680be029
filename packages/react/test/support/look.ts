import type { Page } from 'playwright-core'

/** What is to be seen of the page's terminal. */
export interface Look {
  readonly columns: number
  readonly rows: number
  /** A PNG, in base64. */
  readonly picture: string
}

/** What is to be seen now. */
export async function lookOf(page: Page): Promise<Look> {
  const { columns, rows } = await page.evaluate(() => window.terminal.size)
  const picture = await page.locator('.cliscale-screen').screenshot({ animations: 'disabled' })
  return { columns, rows, picture: picture.toString('base64') }
}
