import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import { createServer as createTcpServer, connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Failure, allTo, noTraffic, slotHeader } from '#kernel'
import { embeddedRouter } from '../../packages/routers/embedded/embedded.ts'
import { freePort } from '../components/free-port.ts'
import { ask } from '../contract/hammer.ts'
import { ttlMs } from '../contract/leased-host.ts'
import { embeddedWorld, releaseOf, resident, routerPid } from './embedded-world.ts'
import type { EmbeddedWorld } from './embedded-world.ts'

const timeoutMs = 60_000

/** What passes through the embedded router, seen by an app that shows what it was sent. */
describe('embedded router, on the wire', () => {
  let world: EmbeddedWorld
  let app: Server
  let front = ''
  let last: IncomingMessage | undefined

  beforeAll(async () => {
    world = await embeddedWorld()
    await world.router.setup()
    app = createServer((request, response) => {
      last = request
      if (request.url === '/truncated') {
        response.writeHead(200, { 'content-length': 1_000 })
        response.write('half', () => response.destroy())
        return
      }
      if (request.url === '/reset') return void request.socket.destroy()
      if (request.url === '/liar') response.setHeader(slotHeader, 'green')
      let bytes = 0
      request.on('data', (part: Buffer) => (bytes += part.length))
      request.on('end', () => {
        response.writeHead(200, { 'x-drop-me': '1', connection: 'x-drop-me', 'set-cookie': ['a=1', 'b=2'] })
        response.end(JSON.stringify({ bytes, headers: request.headers, url: request.url }))
      })
    })
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
    const address = `127.0.0.1:${(app.address() as AddressInfo).port}`
    await world.router.preview('blue', releaseOf('v1', 1), [{ service: 'web', instance: 0, address }])
    await world.router.shift(allTo('blue'))
    front = (await world.router.front()).urls['web'] ?? ''
  }, timeoutMs)
  afterAll(async () => {
    app?.close()
    await world?.close()
  }, timeoutMs)

  const seenHeaders = async (headers: Record<string, string>) =>
    (JSON.parse((await ask(front, { headers })).body) as { headers: Record<string, string> }).headers

  test('tells the app of the connection and nothing a client made up', async () => {
    const secret = (await world.router.front()).headers
    const seen = await seenHeaders({
      ...secret,
      host: 'shop.example.com',
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-host': 'evil',
      'x-forwarded-proto': 'https',
      forwarded: 'for=6.6.6.6',
      te: 'trailers',
      'proxy-authorization': 'Basic eA==',
      connection: 'close, x-secret-hop, content-length, host',
      'x-secret-hop': '1',
      [slotHeader]: 'green',
    })
    expect(seen).toEqual({
      host: 'shop.example.com',
      connection: 'close',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'shop.example.com',
      'x-forwarded-proto': 'http',
    })
  })

  test('drops what the app says for one hop, keeps the rest, and lets no app name a slot', async () => {
    const answer = await ask(`${front}/liar`)
    expect(answer.headers['x-drop-me']).toBeUndefined()
    expect(answer.headers[slotHeader]).toBeUndefined()
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2'])
    const told = await ask(`${front}/liar`, { headers: (await world.router.front()).headers })
    expect(told.headers[slotHeader]).toBe('blue')
  })

  test(
    'passes large bodies with and without a length',
    async () => {
      const body = Buffer.alloc(20 * 1024 * 1024, 'x')
      expect(JSON.parse((await ask(front, { method: 'POST', body })).body)).toMatchObject({ bytes: body.length })
      const chunked = await ask(front, {
        method: 'PUT',
        body,
        headers: { 'transfer-encoding': 'chunked', expect: '100-continue' },
      })
      expect(JSON.parse(chunked.body)).toMatchObject({ bytes: body.length })
    },
    timeoutMs,
  )

  test('keeps a path as it is, and takes the origin off an absolute one', async () => {
    const path = '//a/../b%2F?x=1&y=?'
    expect(await rawGet(new URL(front).port, path)).toContain(`"url":${JSON.stringify(path)}`)
    expect(await rawGet(new URL(front).port, 'http://evil/a?b')).toContain('"url":"/a?b"')
  })

  test('does not pass a part for the whole, and says 502 for a reset', async () => {
    const before = await world.router.stats?.('blue')
    await expect(ask(`${front}/truncated`)).rejects.toThrow()
    expect((await ask(`${front}/reset`)).status).toBe(502)
    const after = await world.router.stats?.('blue')
    expect((after?.errors ?? 0) - (before?.errors ?? 0)).toBe(2)
    expect(after?.inFlight).toBe(0)
  })

  test('an upload that the client leaves ends at the app, too', async () => {
    const socket = connect(Number(new URL(front).port), '127.0.0.1')
    socket.write('POST /left HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nhalf')
    await until(() => last?.url === '/left')
    const closed = new Promise((resolve) => last?.once('close', resolve))
    socket.destroy()
    await closed
    expect((await world.router.stats?.('blue'))?.inFlight).toBe(0)
  })

  test('keeps its folder to itself, and nothing of the job it was started by', async () => {
    const folder = join(world.host.stateDir, 'router')
    for (const name of await readdir(folder))
      expect([name, ((await stat(join(folder, name))).mode & 0o077).toString(8)]).toEqual([name, '0'])
    const environment = await readFile(`/proc/${await routerPid(world.host)}/environ`, 'utf8')
    expect(environment).not.toMatch(/PATH|HOME|npm/)
  })

  test(
    'names the port and its holder when the port is taken',
    async () => {
      const holder = createTcpServer()
      await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
      const { port } = holder.address() as AddressInfo
      const other = embeddedRouter({ ...contextOf(world), listen: port })
      const thrown: unknown = await other.setup().catch((failure: unknown) => failure)
      holder.close()
      expect(thrown).toBeInstanceOf(Failure)
      expect(thrown).toMatchObject({
        code: 'PORT_IN_USE',
        message: `port ${port} is held by ${await nameOf(process.pid)} (pid ${process.pid})`,
      })
      expect((await ask(front)).status).toBe(200)
    },
    timeoutMs,
  )

  test(
    'moves to another port when it is told to',
    async () => {
      const port = await freePort()
      const moved = embeddedRouter({ ...contextOf(world), listen: port })
      expect(await moved.setup()).toEqual([`listens on 127.0.0.1:${port}`])
      expect((await moved.front()).urls['web']).toBe(`http://127.0.0.1:${port}`)
      expect((await ask(`http://127.0.0.1:${port}`)).status).toBe(200)
      await expect(ask(front)).rejects.toThrow()
      await world.router.setup()
      expect((await ask(front)).status).toBe(200)
    },
    timeoutMs,
  )

  test('refuses weights for a slot it knows nothing of, and changes nothing', async () => {
    await expect(world.router.shift(allTo('green'))).rejects.toMatchObject({ code: 'ROUTER_DISAGREES' })
    expect(await world.router.read()).toEqual(allTo('blue'))
  })

  test('changes nothing for a run that lost the environment, and still shows what is', async () => {
    await world.lease.release()
    await expect(world.router.shift(noTraffic)).rejects.toMatchObject({ code: 'LEASE_LOST' })
    expect((await ask(front)).status).toBe(200)
    expect(await world.router.setup()).toEqual([])
    expect(await world.router.drain('green', 100, new AbortController().signal)).toMatchObject({ closed: 0 })
    await world.lease.acquire('test', ttlMs)
    await world.router.shift(noTraffic)
    expect((await ask(front)).status).toBe(503)
  })
})

function contextOf(world: EmbeddedWorld) {
  const base = {
    host: world.host,
    runner: world.runner,
    app: 'shop',
    environment: 'test',
    bind: '127.0.0.1',
    image: '',
  }
  return { ...base, resident: [...resident] as [string, ...string[]] }
}

async function nameOf(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/comm`, 'utf8')).trim()
}

async function rawGet(port: string, path: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '-e',
      `const s=require('net').connect(${port},'127.0.0.1',()=>s.write('GET '+process.argv[1]+' HTTP/1.1\\r\\nhost: a\\r\\nconnection: close\\r\\n\\r\\n'));s.pipe(process.stdout)`,
      path,
    ],
    { timeout: 10_000 },
  )
  return stdout
}

async function until(condition: () => boolean): Promise<void> {
  for (let look = 0; look < 500 && !condition(); look += 1) await new Promise((resolve) => setTimeout(resolve, 10))
}
