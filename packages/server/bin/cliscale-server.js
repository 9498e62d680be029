#!/usr/bin/env node
// Stands outside of dist/ so that npm can link the command before the first build.
import('../dist/cli.js')
