import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'

// A stand-in for a database: it counts, keeps the count on its volume, and lets nobody in without the password.
const file = '/data/count'
const read = () => {
  try {
    return Number(readFileSync(file, 'utf8'))
  } catch {
    return 0
  }
}
let count = read()
createServer((request, response) => {
  if (request.url === '/health') return response.end('ok')
  if (decodeURIComponent(request.url.slice(1)) !== process.env.STORE_PASSWORD) return response.writeHead(403).end()
  if (request.method === 'POST') {
    count += 1
    writeFileSync(`${file}.new`, String(count))
    renameSync(`${file}.new`, file)
  }
  response.end(JSON.stringify({ count }))
}).listen(7000, '0.0.0.0')
process.on('SIGTERM', () => process.exit(0))
