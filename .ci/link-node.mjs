// Runs after `npm ci` and `npm install`.
import { linkNode } from './lib/link-node.mjs'

linkNode()
