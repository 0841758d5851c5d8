import { expect, test } from '@jest/globals'
import type { Release, Service, Target } from '#kernel'
import { firstService, publishing, refuseMissing } from '#suite/answering'
import { frontOf } from '#suite/front'
import type { ManagedRouter } from '#routers'
import { refusing } from '../../packages/suite/refusing.ts'

const service = (name: string, routed?: Service['routed']): Service => ({
  ...{ name, ref: 'sha256:a', instances: 1, overlap: 'allow', env: {} },
  ...(routed === undefined ? {} : { routed }),
})
const routed = (listen?: number) => ({ port: 3000, health: '/', ...(listen === undefined ? {} : { listen }) })
const release = (...services: Service[]): Release => ({
  ...{ id: 'r1', app: 'shop', environment: 'test', version: 'v1' },
  services,
})
const route = (path: string, name?: string) => ({
  ...{ domain: 'shop.example', path },
  ...(name === undefined ? {} : { service: name }),
})
const inputs = { domain: null, 'router-image': '', listen: null } as const

test('the first service is the one without a port of its own; a background service is none', () => {
  expect(firstService(null)).toBe('')
  expect(firstService(release(service('worker'), service('api', routed(4000)), service('web', routed())))).toBe('web')
  expect(firstService(release(service('api', routed(4000)), service('web', routed(3000))))).toBe('api')
})

test('a route that names the first service names none: asked for, or kept from before', () => {
  const routes = [route('/', 'web'), route('/api/', 'api')]
  const plain = [route('/'), route('/api/', 'api')]
  expect(frontOf({ ...inputs, routes, firstService: 'web' }, undefined)?.routes).toEqual(plain)
  const before = { routes, tls: 'off', hsts: 0 } as const
  expect(frontOf({ ...inputs, routes: null, firstService: 'web' }, { ...before, routes: [...routes] })?.routes).toEqual(
    plain,
  )
  expect(frontOf({ ...inputs, routes: null }, { ...before, routes: [...routes] })?.routes).toEqual(routes)
  expect(frontOf({ ...inputs, routes: [] }, { ...before, routes: [...routes] })).toBeUndefined()
})

test('a release without the service of a route is refused; what the target refuses, it still does', async () => {
  const target = { preflight: () => Promise.resolve(['room for two']) } as unknown as Target
  const asked = refusing(target, [refuseMissing([route('/'), route('/api/', 'api')])])
  await expect(asked.preflight?.(release(service('web', routed()), service('api')))).rejects.toMatchObject({
    code: 'INPUT_CONFLICT',
    field: 'routes',
    message: expect.stringContaining('shop.example/api leads to service api'),
    hint: expect.stringContaining('web'),
  })
  const good = release(service('web', routed()), service('api', routed()))
  expect(await asked.preflight?.(good)).toEqual(['room for two'])
})

test('the router finds the service of a route at the place that was chosen for it', async () => {
  const given: Release[] = []
  const router = {
    preview: (_: string, to: Release) => (given.push(to), Promise.resolve({})),
  } as unknown as ManagedRouter
  const listens = { api: { address: '127.0.0.1', port: 20_001 }, admin: { address: '0.0.0.0', port: 9000 } }
  const through = publishing(router, [route('/'), route('/api/', 'api')], listens)
  await through.preview(
    'blue',
    release(service('web', routed()), service('api', routed()), service('admin', routed())),
    [],
  )
  expect(given[0]?.services.map(({ routed: at }) => at?.listen)).toEqual([undefined, 20_001, undefined])
  expect(publishing(router, [route('/')], listens)).toBe(router)
})
