import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { at } from './root.mjs'

const LINK = /(\]\()([^)\s]+)(\))/g

const isRelative = (target) => !/^([a-z]+:|#|\/)/i.test(target)
const documentsIn = (folder) => readdirSync(folder).filter((file) => file.endsWith('.md'))

/** Makes links that lead out of a package absolute: whoever reads the packed document has nothing else of the repository. */
export function linkOutside(folder, manifest) {
  const home = manifest.repository.directory
  const repository = manifest.repository.url.replace(/^git\+|\.git$/g, '')
  for (const document of documentsIn(folder)) {
    const path = join(folder, document)
    const text = readFileSync(path, 'utf8').replace(LINK, (link, open, target, close) => {
      const [file, fragment] = target.split('#')
      const inside = posix.join(home, file)
      if (!isRelative(target) || file === '' || inside.startsWith(`${home}/`)) return link
      const kind = existsSync(at(inside)) && statSync(at(inside)).isDirectory() ? 'tree' : 'blob'
      const rest = fragment === undefined ? '' : `#${fragment}`
      return `${open}${repository}/${kind}/main/${inside}${rest}${close}`
    })
    writeFileSync(path, text)
  }
}

/** One sentence for each link of a packed document that leads nowhere. `folder` holds what is packed. */
export function deadLinks(folder, name, exists = existsSync) {
  return documentsIn(folder).flatMap((document) =>
    [...readFileSync(join(folder, document), 'utf8').matchAll(LINK)]
      .map(([, , target]) => target)
      .filter((target) => isRelative(target) && !exists(join(folder, target.split('#')[0])))
      .map((target) => `${name}: ${document} links ${target}, which is not in the package.`),
  )
}
