import { createServer } from 'node:http'

const [role = 'backend'] = process.argv.slice(2)
const version = process.env.SWITCHYARD_VERSION ?? 'v0'
const ask = async (url, method = 'GET') => {
  const answer = await fetch(url, { method })
  if (!answer.ok) throw new Error(`${url} says ${answer.status}`)
  return answer.json()
}
const roles = {
  frontend: async () => {
    const behind = await ask('http://backend:4000/')
    return { version: `${version}+${behind.version}`, count: behind.count }
  },
  backend: async (method) => ({ version, count: (await ask('http://store:7000/open', method)).count }),
}

if (role === 'worker') {
  console.log(`worker ${version} works`)
  const work = async () => {
    await ask('http://store:7000/open', 'POST').catch((error) => console.error(error.message))
    // One after the other: a slow store is not to be buried.
    setTimeout(work, 200)
  }
  void work()
} else {
  const server = createServer(async (request, response) => {
    const say = (status, body) => response.writeHead(status).end(JSON.stringify(body))
    try {
      for await (const _ of request);
      const body = await roles[role](request.method === 'POST' ? 'POST' : 'GET')
      // The health path speaks for this process alone; it is well when what it needs answers.
      say(200, request.url === '/health' ? { version } : body)
    } catch (error) {
      say(500, { version, error: error.message })
    }
  })
  server.keepAliveTimeout = 75_000
  server.listen(role === 'frontend' ? 3000 : 4000, '0.0.0.0', () => console.log(`${role} ${version} listens`))
}
process.on('SIGTERM', () => process.exit(0))
