// Runs before `npm publish` in a package's folder: what is published is packed by .ci/publish.mjs, without sources.
console.error('Packages are published by the release workflow (.ci/publish.mjs), not from their folders.')
process.exitCode = 1
