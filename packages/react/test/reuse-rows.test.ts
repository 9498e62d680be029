import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reuseRows, type RowRenderer } from '../src/xterm-inside/reused-rows.ts'

interface Span {
  className: string
  textContent: string
  title: string
  readonly style: { color: string; letterSpacing: string }
  readonly classList: { add: (name: string) => void }
}

/** A renderer of one row, whose factory does `make` with each new span, and what the row was given. */
function rendererOf(make: (span: Span) => void): {
  readonly renderer: RowRenderer
  readonly given: unknown[][]
} {
  const given: unknown[][] = []
  const row = { replaceChildren: (...nodes: unknown[]) => void given.push(nodes) }
  const real = (): Span => {
    const span = { className: '', textContent: '', title: '', style: { color: '', letterSpacing: '' } }
    return { ...span, classList: { add: (name) => void (span.className += name) } }
  }
  const factory = {
    _document: { createElement: () => real() },
    createRow: () => {
      const span = factory._document.createElement()
      make(span)
      return [span]
    },
  }
  const renderer = {
    _rowElements: [row],
    _rowFactory: factory,
    renderRows: () => row.replaceChildren(...factory.createRow()),
    _setCellUnderline: () => undefined,
  }
  return { renderer: renderer as unknown as RowRenderer, given }
}

const beyondDrafts: Readonly<Record<string, (span: Span) => void>> = {
  'an attribute': (span) => void (span.title = 'new'),
  'a style': (span) => void (span.style.color = 'red'),
  'a call': (span) => span.classList.add('new'),
}

for (const [what, make] of Object.entries(beyondDrafts)) {
  test(`an xterm that gives ${what} to spans that drafts do not know gets real spans`, () => {
    const { renderer, given } = rendererOf((span) => {
      span.textContent = 'text'
      make(span)
    })
    reuseRows(renderer)
    renderer.renderRows?.(0, 0)
    renderer.renderRows?.(0, 0)
    const spans = given.flat() as Span[]
    assert.equal(spans.length, 2)
    for (const span of spans) {
      assert.equal(span.textContent, 'text')
      assert.ok(span.classList, 'it is real')
    }
  })
}

test('an xterm whose renderer fails by itself is not hidden', () => {
  const { renderer } = rendererOf(() => {
    throw new RangeError('its own')
  })
  reuseRows(renderer)
  assert.throws(() => renderer.renderRows?.(0, 0), /its own/)
})

test('a renderer that looks different is left as it is', () => {
  const renderer: RowRenderer = {}
  reuseRows(renderer)
  assert.deepEqual(renderer, {})
})
