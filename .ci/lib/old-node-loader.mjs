// Lets a Node that cannot run TypeScript import our sources and tests.
import { register } from 'node:module'

register('./old-node-hooks.mjs', import.meta.url)
