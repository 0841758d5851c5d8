// A server for measurers: every answer takes its own time, lognormal around 20 ms with σ 0.5, the same course for everyone. Prints its port.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { seededRandom } from '#kernel'

const random = seededRandom(20)
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
const delaysMs = Array.from({ length: 10_007 }, () => 20 * Math.exp(0.5 * normal()))

let count = 0
const server = createServer((request, response) => {
  if (request.url === '/now') return void response.end('{"version":"1"}')
  setTimeout(() => response.end('{"version":"1"}'), delaysMs[count++ % delaysMs.length])
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
