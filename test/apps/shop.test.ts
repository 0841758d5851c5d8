import { afterEach, describe, expect, test } from '@jest/globals'
import { spawn, type ChildProcess } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const shopFolder = join(import.meta.dirname, 'shop')
const children: ChildProcess[] = []
const folders: string[] = []

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

interface Shop {
  readonly url: string
  readonly child: ChildProcess
  readonly exit: Promise<number | null>
}

function launch(
  environment: Readonly<Record<string, string>>,
  folder = shopFolder,
): { child: ChildProcess; exit: Promise<number | null> } {
  const env = { PATH: process.env['PATH'], PORT: '0', VERSION: 'v1', ...environment }
  const child = spawn(process.execPath, [join(folder, 'server.mjs')], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  return { child, exit: new Promise((resolve) => child.once('exit', resolve)) }
}

async function start(environment: Readonly<Record<string, string>> = {}, folder?: string): Promise<Shop> {
  const { child, exit } = launch(environment, folder)
  const said = await new Promise<string>((resolve) =>
    child.stdout?.once('data', (chunk: Buffer) => resolve(String(chunk))),
  )
  return { url: `http://127.0.0.1:${/:(\d+)/.exec(said)?.[1]}`, child, exit }
}

async function ask(url: string, init?: RequestInit): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, init)
  return { status: response.status, body: await response.json() }
}

async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-shop-'))
  folders.push(folder)
  return folder
}

test('orders are taken and counted', async () => {
  const { url } = await start()
  expect(await ask(url, { method: 'POST', body: '{"item":"a book","note":"blue"}' })).toEqual({
    status: 201,
    body: { version: 'v1', id: 1 },
  })
  expect(await ask(url)).toEqual({ status: 200, body: { version: 'v1', orders: 1 } })
  expect(await ask(url, { method: 'POST', body: '{"item":' })).toMatchObject({ status: 400 })
  expect(await ask(`${url}/health`)).toEqual({ status: 200, body: { status: 'ok', version: 'v1' } })
})

test('it works before and after the column comes, and is not healthy without the table', async () => {
  const file = join(await scratch(), 'shop.db')
  const { url } = await start({ DATABASE: file })
  expect((await ask(`${url}/health`)).status).toBe(503)
  const database = new DatabaseSync(file)
  database.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL)')
  const order = { method: 'POST', body: '{"item":"a book","note":"blue"}' }
  expect((await ask(url, order)).status).toBe(201)
  database.exec('ALTER TABLE orders ADD COLUMN note TEXT')
  expect((await ask(url, order)).status).toBe(201)
  expect(database.prepare('SELECT note FROM orders ORDER BY id').all()).toEqual([{ note: null }, { note: 'blue' }])
  database.close()
})

test('/metrics counts answers by status, and how long they took', async () => {
  const { url } = await start({ FAULT: 'slow:20' })
  await ask(url)
  await ask(`${url}/nowhere`)
  const text = await (await fetch(`${url}/metrics`)).text()
  expect(text).toContain('shop_requests_total{version="v1",status="200"} 1\n')
  expect(text).toContain('shop_requests_total{version="v1",status="404"} 1\n')
  expect(text).toContain('shop_request_duration_seconds_bucket{version="v1",le="0.01"} 0\n')
  expect(text).toContain('shop_request_duration_seconds_bucket{version="v1",le="+Inf"} 2\n')
})

test('SIGTERM: what has begun is finished, then it ends with 0', async () => {
  const { url, child, exit } = await start()
  const slow = ask(`${url}/slow?ms=400`)
  await new Promise((resolve) => setTimeout(resolve, 100))
  child.kill('SIGTERM')
  expect(await slow).toMatchObject({ status: 200 })
  expect(await exit).toBe(0)
})

test('a release carries its version and its fault in files beside it', async () => {
  const folder = join(await scratch(), 'release')
  await cp(shopFolder, folder, { recursive: true })
  await writeFile(join(folder, 'version.json'), '{"version":"v9"}')
  await writeFile(join(folder, 'fault.json'), '{"health-500":true}')
  const { url } = await start({}, folder)
  expect(await ask(`${url}/health`)).toEqual({ status: 500, body: { status: 'sick', version: 'v9' } })
  expect(await ask(url)).toMatchObject({ status: 200 })
})

describe('faults', () => {
  test('exit-at-start, and a fault that does not exist', async () => {
    expect(await launch({ FAULT: 'exit-at-start' }).exit).toBe(1)
    expect(await launch({ FAULT: 'no-such-fault' }).exit).toBe(1)
  })

  test('die-after', async () => {
    const { url, exit } = await start({ FAULT: 'die-after:300' })
    expect((await ask(url)).status).toBe(200)
    expect(await exit).toBe(1)
  })

  test('wrong-version', async () => {
    const { url } = await start({ FAULT: 'wrong-version' })
    expect(await ask(`${url}/health`)).toEqual({ status: 200, body: { status: 'ok', version: 'not-v1' } })
  })

  test('slow, hang, start-delay', async () => {
    const begun = Date.now()
    const { url } = await start({ FAULT: 'slow:300,start-delay:300' })
    await ask(url)
    expect(Date.now() - begun).toBeGreaterThan(590)
    const hanging = await start({ FAULT: 'hang' })
    await expect(fetch(hanging.url, { signal: AbortSignal.timeout(300) })).rejects.toThrow('timeout')
  })

  test('ignore-sigterm', async () => {
    const { url, child } = await start({ FAULT: 'ignore-sigterm' })
    child.kill('SIGTERM')
    await new Promise((resolve) => child.stdout?.once('data', resolve))
    expect((await ask(url)).status).toBe(200)
  })

  test('break-under-traffic: a share of GET and POST after so many, never /health', async () => {
    const { url } = await start({ FAULT: 'break-under-traffic:10:0.2' })
    const statuses: number[] = []
    for (let index = 0; index < 30; index += 1)
      statuses.push((await ask(url, index % 2 ? { method: 'POST' } : {})).status)
    expect(statuses.slice(0, 10).every((status) => status < 300)).toBe(true)
    expect(statuses.filter((status) => status === 500)).toHaveLength(4)
    for (let index = 0; index < 10; index += 1) expect((await ask(`${url}/health`)).status).toBe(200)
  })
})
