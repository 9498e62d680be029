import ts from 'typescript'

/** Folders, one in each package, that may name what a library or Node keeps to itself. */
const INSIDE = /^packages\/[a-z]+\/src\/(?:[a-z-]+\/)?(?:xterm|node)-inside\//

/** Files that reach into xterm and do not stand in such a folder yet. */
export const INSIDE_ELSEWHERE = [
  'packages/react/src/core/fitted-cells.ts',
  'packages/react/src/core/line-spans.ts',
  'packages/react/src/core/inverse-text.ts',
  'packages/react/src/core/open-xterm.ts',
  'packages/react/src/core/paced-drawing.ts',
  'packages/react/src/core/quiet-scrolling.ts',
  'packages/react/src/core/reused-rows.ts',
  'packages/react/src/core/strict-styles.ts',
  'packages/runner/src/terminal/row-pool.ts',
  'packages/runner/src/terminal/screen.ts',
  'packages/runner/src/terminal/supplement.ts',
  'packages/runner/src/terminal/xterm-inside.ts',
]

const MESSAGE =
  'What a library keeps to itself is named in xterm-inside/ or node-inside/ of its package only.'

export const isUnderInsideLaw = (file) =>
  /^packages\/[a-z]+\/src\/.*\.tsx?$/.test(file) && !INSIDE.test(file) && !INSIDE_ELSEWHERE.includes(file)

/** Names that begin with an underscore, of what is reached into: read, taken apart or described. */
export function reachesInside(source) {
  const found = []
  const visit = (node) => {
    const name = reachedName(node)
    if (name !== undefined && /^_[a-zA-Z]/.test(name.text))
      found.push({ position: name.getStart(source), message: MESSAGE })
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
