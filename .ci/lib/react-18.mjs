import { sideInstall } from './side-install.mjs'

/** True for tests that run on React 18. */
export const needsReact18 = (file) => /\/react-18[^/]*\.test\.tsx?$/.test(file)

/** The folder with React 18; installs it when it is missing. */
export const ensureReact18 = () => sideInstall('react-18', 'React 18')
