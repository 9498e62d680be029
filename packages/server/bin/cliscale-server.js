#!/bin/sh
':' //; if sh -c 'kill -HUP $$' 2>/dev/null; then export CLISCALE_IGNORE_HANGUP=true; fi; exec node --max-semi-space-size=4 "$0" "$@"
// A shell reads the line above, Node the one below. Node forgets that SIGHUP was ignored (nohup), so the shell looks.
// Stands outside of dist/ so that npm can link the command before the first build.
// The flag keeps V8's young generation small: it halves the memory of an idle terminal (BENCHMARKS.md) for a few
// per cent of processor time.
void import('../dist/cli.js')
