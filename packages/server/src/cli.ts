#!/usr/bin/env node
// Only what every Node since 14 understands may stand here: the rest is loaded once the version is known.
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(`cliscale-server needs Node 24 or newer; this is Node ${process.versions.node}.`)
  process.exit(1)
}

// As process 1 of a container the server would have to take leave of every orphan, which Node cannot.
if (process.pid === 1) (await import('./cli/init.ts')).goBelowInit()

const { main } = await import('./cli/main.ts')
process.exitCode = await main(process.argv.slice(2))
