import type { IncomingMessage, ServerResponse } from 'node:http'
import { http } from './servers.ts'
import type { TestServer } from './servers.ts'

export const account = { user: 'ada', password: 'pa"ss & wörd/1815', card: '4242-4242-4242-4242' }
export const csrf = 'csrf-1f0a9c7755d2'
export const token = 'tok_8d1c2f94e0b74a6bb0f3'
export const session = 'sess-93b1c5d7e6f80a42'

export interface Shop extends TestServer {
  /** Method and path of every request that came. */
  readonly seen: readonly string[]
}

/** A shop with log-in, cart and pay: a session cookie, a CSRF field, a bearer token. `fault` makes one of its answers wrong. */
export async function flowShop(fault?: 'login' | 'cart' | 'pay' | 'order' | 'hang'): Promise<Shop> {
  const seen: string[] = []
  let isIn = false
  const carts = new Map<number, { total: number; paid: boolean }>()
  const server = await http((request, response) => {
    const say = (status: number, value: unknown, headers: Record<string, string | string[]> = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(value === null ? '' : JSON.stringify(value))
    }
    seen.push(`${request.method ?? ''} ${request.url ?? ''}`)
    void answer(request, response, say).catch((error: unknown) => say(500, { error: String(error) }))
  })
  return Object.assign(server, { seen })

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    say: (status: number, value: unknown, headers?: Record<string, string | string[]>) => void,
  ): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts).toString()
    const hasSession = request.headers.cookie?.split('; ').includes(`session=${session}`) === true && isIn
    const isTrusted = hasSession && request.headers.authorization === `Bearer ${token}`
    const route = `${request.method ?? ''} ${request.url ?? ''}`
    if (route === 'GET /') {
      response.setHeader('set-cookie', [
        'visit=1; Expires=Fri, 31 Dec 2099 23:59:59 GMT; Path=/',
        `csrf=${csrf}; Path=/`,
      ])
      response.setHeader('content-type', 'text/html')
      return void response.end(`<form><input name="csrf" value="${csrf}">Sign in</form>`)
    }
    if (route === 'POST /login') {
      const form = new URLSearchParams(body)
      const isRight = form.get('user') === account.user && form.get('password') === account.password
      const isOurs = form.get('csrf') === csrf && request.headers.cookie === `visit=1; csrf=${csrf}`
      if (!isRight || !isOurs) return say(403, { error: `no ${form.get('password') ?? ''} ${csrf}` })
      isIn = true
      const user = fault === 'login' ? `${account.password} is the password of nobody` : account.user
      return say(
        200,
        { user, token },
        { 'set-cookie': `session=${session}; HttpOnly; Secure; SameSite=Strict; Path=/` },
      )
    }
    if (route === 'POST /logout') {
      isIn = false
      return say(204, null, { 'set-cookie': 'session=; Max-Age=0; Path=/' })
    }
    if (!isTrusted) return say(401, { error: 'log in first' })
    if (route === 'POST /cart') {
      const { item, amount } = JSON.parse(body) as { item: number; amount: number }
      if (fault === 'hang') return
      if (fault === 'cart') return say(201, { id: { nested: true }, items: [{ item, amount }], total: 9.5 })
      const id = 4000 + carts.size
      carts.set(id, { total: 9.5 * amount, paid: false })
      return say(201, { id, items: [{ item, amount }], total: 9.5 * amount })
    }
    const pay = /^POST \/cart\/(\d+)\/pay$/.exec(route)
    if (pay) {
      const cart = carts.get(Number(pay[1]))
      const { amount, card } = JSON.parse(body) as { amount: unknown; card: string }
      if (cart === undefined || amount !== cart.total || card !== account.card || fault === 'pay')
        return say(402, { error: `card ${card} declined` })
      cart.paid = true
      return say(303, null, { location: `/orders/${pay[1] ?? ''}` })
    }
    const order = carts.get(Number(/^GET \/orders\/(\d+)$/.exec(route)?.[1]))
    if (order === undefined) return say(404, { error: 'no such page' })
    say(200, { state: order.paid && fault !== 'order' ? 'paid' : 'open', total: order.total, by: token })
  }
}
