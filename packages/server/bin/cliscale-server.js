#!/usr/bin/env -S node --max-semi-space-size=4
// Stands outside of dist/ so that npm can link the command before the first build.
// The flag keeps V8's young generation small: it halves the memory of an idle terminal (BENCHMARKS.md) for a few
// per cent of processor time.
void import('../dist/cli.js')
