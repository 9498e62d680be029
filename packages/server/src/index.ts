export { type CliscaleServer, createServer } from './server.ts'
