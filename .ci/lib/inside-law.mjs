import ts from 'typescript'

/** Folders at the top of a package's sources that may name what a library or Node keeps to itself. */
export const INSIDE = /^packages\/[a-z]+\/src\/(?:xterm|node)-inside\//

const MESSAGE =
  'What a library keeps to itself is named in xterm-inside/ or node-inside/ of its package only.'

export const isUnderInsideLaw = (file) => /^packages\/[a-z]+\/src\/.*\.tsx?$/.test(file) && !INSIDE.test(file)

/** Names that begin with an underscore, of what is reached into: read, taken apart or described. */
export function reachesInside(source) {
  const found = []
  const visit = (node) => {
    const name = reachedName(node)
    if (name !== undefined && /^_[a-zA-Z]/.test(name.text))
      found.push({ name: name.text, position: name.getStart(source), message: MESSAGE })
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function reachedName(node) {
  if (ts.isPropertyAccessExpression(node) || ts.isPropertySignature(node)) return node.name
  if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression))
    return node.argumentExpression
  if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent))
    return node.propertyName ?? node.name
  return undefined
}
