import { expect, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { execFile } from 'node:child_process'
import { allTo, noTraffic, share } from '#kernel'
import { askFunction, readSights } from '../../packages/routers/nginx/ask.ts'
import { belowPattern, httpConfOf, markOf, serverConfOf } from '../../packages/routers/nginx/config.ts'
import { asKernelWrites } from '../../packages/routers/nginx/connections.ts'
import { readMasters } from '../../packages/routers/nginx/masters.ts'
import { lanePlace, readLanePlace, readWeightPlace, weightPlace } from '../../packages/routers/nginx/place-names.ts'
import { choosePreviews, lanesOf } from '../../packages/routers/nginx/record.ts'
import { prefixOf } from '../../packages/routers/nginx/shape.ts'
import { releaseOf } from './embedded-world.ts'

const input = {
  folder: '/var/lib/switchyard/apps/shop/test/router/nginx',
  prefix: 'sy_shop_test',
  secret: 'ab'.repeat(24),
  bind: '127.0.0.1',
  listen: 8080,
  previews: 20_000,
  log: '/var/log/nginx/switchyard-shop-test.log',
}

test('a draw of two digits is below a weight exactly when its number is', () => {
  const below = new RegExp(belowPattern)
  for (let draw = 0; draw < 100; draw += 1)
    for (let weight = 1; weight < 100; weight += 1)
      expect([draw, weight, below.test(`${String(draw).padStart(2, '0')}/${weight}`)]).toEqual([
        draw,
        weight,
        draw < weight,
      ])
})

test('weights and addresses come back from the names they were put in', () => {
  for (const weights of [noTraffic, allTo('blue'), allTo('green'), share('green', 5)])
    expect(readWeightPlace(`/x/at/${weightPlace(weights)}`)).toEqual(weights)
  const endpoints = ['10.0.0.2:3000', '10.0.0.3:3000']
  expect(readLanePlace(`/x/at/${lanePlace(endpoints)}`)).toEqual(endpoints)
  expect(readLanePlace(`at/${lanePlace([])}`)).toEqual([])
})

test('eight of the longest addresses are one name of a folder', () => {
  expect(lanePlace(Array.from({ length: 8 }, () => '255.255.255.255:65535')).length).toBeLessThan(255)
})

test.each(['', '/x/at/weight-101', '/x/at/weight-', '/x/weight-5', '/x/at/weight--5', '/x/at/weight-5x'])(
  'does not guess weights from %j',
  (path) => expect(() => readWeightPlace(path)).toThrow(/not ours/),
)

test('no two apps share the names of their variables', () => {
  const pairs = [
    ['a-b', 'c'],
    ['a', 'b-c'],
    ['a-', 'b'],
    ['a', 'b'],
    ['a--b', 'c'],
    ['a', 'b--c'],
  ] as const
  expect(new Set(pairs.map(([app, environment]) => prefixOf(app, environment))).size).toBe(pairs.length)
  expect(prefixOf('my-shop', 'production')).toMatch(/^[a-z0-9_]+$/)
})

test('the mark of a configuration changes with anything in it', () => {
  const marks = [input, { ...input, listen: 8081 }, { ...input, secret: 'cd'.repeat(24) }].map(markOf)
  expect(new Set(marks).size).toBe(3)
  expect(httpConfOf(input)).toContain(`switchyard ${marks[0]} `)
  expect(serverConfOf(input)).not.toContain('$_')
})

test('knows the addresses of the kernel’s table', () => {
  expect(asKernelWrites('127.0.0.1:8080')).toBe('0100007F:1F90')
  expect(asKernelWrites('10.20.0.3:80')).toBe('0300140A:0050')
})

test('an nginx is told as it was started; one of another network is none of ours', () => {
  const text = `master 1000 10 1 1000 /usr/sbin/nginx|nginx: master process nginx -c /home/a/nginx.conf -p /home/a
worker 10 1000
worker 10 1000
master 1000 20 1 0 |nginx: master process /usr/sbin/nginx -g daemon on; master_process on;
worker 20 33
master 1000 30 0 0 /usr/sbin/nginx|nginx: master process nginx -g daemon off;
worker 30 101
master 0 40 1 0 /usr/sbin/nginx (deleted)|nginx: master process nginx
`
  expect(readMasters(text)).toEqual([
    {
      pid: 10,
      words: ['/usr/sbin/nginx', '-p', '/home/a', '-c', '/home/a/nginx.conf'],
      workers: [1000, 1000],
    },
    { pid: 20, words: ['sudo', '--non-interactive', '/usr/sbin/nginx'], workers: [33] },
    { pid: 40, words: ['/usr/sbin/nginx'], workers: [] },
  ])
})

test.each([
  ['a name instead of an address', ['app.internal:3000']],
  ['IPv6', ['[::1]:3000']],
  ['words of a configuration', ['127.0.0.1:80,;return 200']],
  ['nine instances', Array.from({ length: 9 }, (_, at) => `10.0.0.${at}:3000`)],
])('refuses %s', (_, addresses) => {
  const endpoints = addresses.map((address, instance) => ({ service: 'web', instance, address }))
  expect(() => lanesOf(releaseOf('v1', 1), endpoints)).toThrow(/router nginx/)
})

test('chooses ports for previews that nobody has', () => {
  const all = new Set(Array.from({ length: 12_000 }, (_, at) => 20_000 + at))
  expect(() => choosePreviews(all)).toThrow(/no 17 free ports/)
  for (let port = 20_000 + 17 * 100; port < 20_000 + 17 * 101; port += 1) all.delete(port)
  expect(choosePreviews(all)).toBe(20_000 + 17 * 100)
})

test.each(['curl', 'wget', 'bash'])('asks by %s where a host has nothing else', async (client) => {
  const found = spawnSync('sh', ['-c', 'command -v "$0"', client], { encoding: 'utf8', timeout: 10_000 }).stdout.trim()
  if (found === '') return
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-ask-'))
  const line = 'switchyard 0123456789abcdef weight /x/at/weight-0'
  const server = createServer((_, answer) => answer.end(`${line}\n`))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await symlink(found, join(folder, client))
    for (const tool of ['sed', 'timeout']) await symlink(`/usr/bin/${tool}`, join(folder, tool))
    const port = String((server.address() as AddressInfo).port)
    const run = promisify(execFile)
    const asked = await run('/bin/sh', ['-c', `${askFunction}ask "$@"`, 'sh', port, 'weight', 'blue-1'], {
      env: { PATH: folder },
      timeout: 20_000,
    })
    expect(readSights(asked.stdout)).toEqual(
      Array.from({ length: 2 }, () => ({ mark: '0123456789abcdef', link: 'weight', path: '/x/at/weight-0' })),
    )
    const silent = await run('/bin/sh', ['-c', `${askFunction}ask "$@"`, 'sh', '1', 'weight'], {
      env: { PATH: folder },
      timeout: 20_000,
    })
    expect(readSights(silent.stdout)).toEqual([])
  } finally {
    await new Promise((resolve) => server.close(resolve))
    await rm(folder, { recursive: true, force: true })
  }
})
