import ts from 'typescript'
import { readJson } from './root.mjs'

/** Constants that stand elsewhere today, by file. The list gets shorter: what is not in it any more may not come back. */
export const BOUNDS_ELSEWHERE = readJson('.ci', 'lib', 'bounds-elsewhere.json')

/** Where bounds stand: limits, options and the table of the configuration. */
const PLACE = /(^|\/|-)(limits|options)\.ts$|\/config(\/.*)?\.ts$|\/config\//

/** Names of bounds: the most or least of something, and quantities of time and memory. */
const BOUND =
  /^(MAX|MIN|MOST|LEAST|LONGEST|SHORTEST|LARGEST|SMALLEST)_|_(MS|SECONDS|BYTES|LENGTH|LIMIT|CONNECTIONS|ROUNDS)$/

export const isUnderBoundsLaw = (file) => /^packages\/[a-z]+\/src\/.*\.tsx?$/.test(file) && !PLACE.test(file)

/** The numeric bounds of a file: constants at its top whose name says so. */
export function boundsIn(source) {
  return source.statements
    .filter((statement) => ts.isVariableStatement(statement))
    .flatMap(({ declarationList }) => [...declarationList.declarations])
    .filter(
      ({ name, initializer }) => ts.isIdentifier(name) && BOUND.test(name.text) && isNumber(initializer),
    )
    .map(({ name }) => ({ name: name.text, position: name.getStart(source) }))
}

function isNumber(node) {
  if (node === undefined) return false
  if (ts.isNumericLiteral(node)) return true
  if (ts.isBinaryExpression(node)) return isNumber(node.left) && isNumber(node.right)
  return ts.isParenthesizedExpression(node) && isNumber(node.expression)
}

/** Bounds that stand neither in their place nor in the list, and rows of the list that are not true any more. */
export function strayBounds(file, source, elsewhere = BOUNDS_ELSEWHERE) {
  const known = elsewhere[file] ?? []
  const found = boundsIn(source)
  const message = (name) => `${name} is a bound: it belongs in limits.ts, options.ts or config/.`
  return [
    ...found
      .filter(({ name }) => !known.includes(name))
      .map(({ name, position }) => ({ position, message: message(name) })),
    ...known
      .filter((name) => !found.some((bound) => bound.name === name))
      .map((name) => ({
        position: 0,
        message: `${name} stands here no more: take it out of bounds-elsewhere.json.`,
      })),
  ]
}
