import { ensureBrowser } from './browser.mjs'
import { ensureReact18, needsReact18 } from './react-18.mjs'
import { ensureS3Server, needsS3Server } from './s3-server.mjs'
import { ensureTtyd, needsTtyd } from './ttyd.mjs'

/** True for tests that run in a browser. */
export const needsBrowser = (file) => /\.e2e\.test\.tsx?$/.test(file)

/** Brings the programs that test files need; resolves to the variables that name them. */
export async function toolsFor(files) {
  return {
    ...(files.some(needsBrowser) ? { CHROMIUM_PATH: await ensureBrowser() } : {}),
    ...(files.some(needsS3Server) ? { S3_SERVER_PATH: await ensureS3Server() } : {}),
    ...(files.some(needsReact18) ? { REACT_18_PATH: await ensureReact18() } : {}),
    ...(files.some(needsTtyd) ? { TTYD_PATH: await ensureTtyd() } : {}),
  }
}
