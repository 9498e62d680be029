import ts from 'typescript'

/** Files of the tests that may pause: what waits for a condition, and a program that a test looks at. */
const MAY_PAUSE = /\/test\/support\/(wait-for|spinner)\.ts$/

const MESSAGE = 'Tests do not sleep: wait for a condition with a deadline.'

/** True for files in which nothing may just let time pass: tests and all that stands beside them. */
export const isUnderSleepLaw = (file) => /\/test\//.test(file) && !MAY_PAUSE.test(file)

/**
 * Sleeps in a file of the tests: timers of promises, `Atomics.wait`, and a `setTimeout` that does nothing but settle a
 * promise. A timer that rejects is a deadline.
 */
export function sleeps(source) {
  const found = []
  const report = (node) => void found.push({ position: node.getStart(source), message: MESSAGE })
  const visit = (node, settlers) => {
    if (ts.isImportDeclaration(node) && /^(node:)?timers\/promises$/.test(node.moduleSpecifier.text))
      report(node)
    if (ts.isCallExpression(node) && node.expression.getText(source) === 'Atomics.wait') report(node)
    const known = isPromise(node) ? [...settlers, resolverOf(node)] : settlers
    if (isTimer(node) && settles(node.arguments[0], known)) report(node)
    ts.forEachChild(node, (child) => visit(child, known))
  }
  visit(source, ['resolve'])
  return found
}

const isPromise = (node) => ts.isNewExpression(node) && node.expression.getText() === 'Promise'

/** The name of the executor's first parameter. */
function resolverOf(node) {
  const name = node.arguments?.[0]?.parameters?.[0]?.name
  return name && ts.isIdentifier(name) ? name.text : 'resolve'
}

const isTimer = (node) => ts.isCallExpression(node) && /(^|\.)setTimeout$/.test(node.expression.getText())

/** True for `resolve`, and for a function whose whole body is a call of it. */
function settles(callback, names) {
  if (callback === undefined) return false
  if (ts.isIdentifier(callback)) return names.includes(callback.text)
  if (!ts.isArrowFunction(callback)) return false
  const { body } = callback
  const only = ts.isBlock(body) && body.statements.length === 1 ? body.statements[0]?.expression : body
  return only !== undefined && ts.isCallExpression(only) && names.includes(only.expression.getText())
}
