// Loaded into every Node process of the bench: collects garbage when the bench asks, so that a slope shows what is
// kept, and ends with the bench.
process.on('message', (message) => {
  if (message !== 'gc') return
  for (let i = 0; i < 4; i += 1) (globalThis as { gc?: () => void }).gc?.()
  process.send?.('collected')
})
process.on('disconnect', () => process.exit())
