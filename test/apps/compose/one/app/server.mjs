import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'

const version = process.env.SWITCHYARD_VERSION ?? process.env.VERSION ?? 'v0'
const fault = process.env.FAULT ?? ''
if (fault === 'exit') {
  console.error('the app refuses to start')
  process.exit(1)
}
const store = `${process.env.STORE_URL}/${encodeURIComponent(process.env.STORE_PASSWORD ?? '')}`
const greeting = readFileSync('/etc/app/greeting.txt', 'utf8').trim()

const server = createServer(async (request, response) => {
  const say = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ version, ...body }))
  }
  try {
    for await (const _ of request);
    if (request.url === '/health' && fault === 'sick') return say(500, {})
    if (request.url === '/env') return say(200, { greeting, mode: process.env.MODE, token: process.env.TOKEN })
    const answer = await fetch(store, { method: request.method === 'POST' ? 'POST' : 'GET' })
    if (!answer.ok) throw new Error(`the store says ${answer.status}`)
    say(200, { count: (await answer.json()).count })
  } catch (error) {
    say(500, { error: error.message })
  }
})
server.keepAliveTimeout = 75_000
server.listen(3000, '0.0.0.0', () => console.log(`app ${version} listens`))
process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
  setTimeout(() => process.exit(0), 2000).unref()
})
