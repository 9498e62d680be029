// Migrates the database whose address comes on standard input and prints what it applied.
import { text } from 'node:stream/consumers'
import { migrate } from '../../src/store/migrate.ts'

console.log(JSON.stringify(await migrate(await text(process.stdin))))
