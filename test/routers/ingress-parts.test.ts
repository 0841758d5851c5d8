import { describe, expect, it } from '@jest/globals'
import { parseRoute, showRoute } from '#kernel'
import { refuseTaken, withClaim, withoutClaim } from '../../packages/routers/ingress/claims.ts'
import { domainsOf, mapFile, readMap, routesOf } from '../../packages/routers/ingress/maps.ts'
import { checkedClaim } from '../../packages/routers/ingress/record.ts'
import type { Claim } from '../../packages/routers/ingress/record.ts'

const claim = (app: string, more: Partial<Claim> = {}): Claim => ({
  ...{ app, environment: 'test', tls: 'off', hsts: 0, network: `switchyard-${app}-test` },
  ...{ router: '10.1.0.2', front: '10.1.0.3' },
  routes: [{ domain: `${app}.example`, path: '/', port: 8080 }],
  ...more,
})

describe('a route', () => {
  it.each([
    ['shop.example.com', { domain: 'shop.example.com', path: '/' }],
    ['Shop.Example.COM/', { domain: 'shop.example.com', path: '/' }],
    ['shop.example.com/api', { domain: 'shop.example.com', path: '/api/' }],
    ['shop.example.com/api/v1/ backend', { domain: 'shop.example.com', path: '/api/v1/', service: 'backend' }],
    ['xn--bcher-kva.example', { domain: 'xn--bcher-kva.example', path: '/' }],
    ['localhost', { domain: 'localhost', path: '/' }],
  ])('%s is read', (text, route) => {
    expect(parseRoute(text)).toEqual(route)
  })

  it.each([
    '',
    'https://shop.example.com',
    'shop.example.com:80',
    'büch.example',
    '-a.example',
    'a..example',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(127)}example`,
    '*.example.com',
    '$(id).example',
    'a.example;show info',
    'a.example/x;show info',
    'a.example/x\nb.example/',
    'a.example/"x"',
    'a.example/x#y',
    'a.example/x?y',
    'a.example/a//b',
    'a.example/../b',
    'a.example/./b',
    'a.example/\\x',
    'a.example/x web more',
    'a.example/x ../web',
    `a.example/${'x'.repeat(300)}`,
  ])('%j is refused', (text) => {
    expect(() => parseRoute(text)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }))
  })

  it('is shown as it is written', () => {
    expect(['a.example', 'a.example/b/c'].map((text) => showRoute(parseRoute(text)))).toEqual([
      'a.example',
      'a.example/b/c',
    ])
  })
})

describe('claims', () => {
  it('of two apps for one route are refused, naming the first', () => {
    const taken = () =>
      refuseTaken([claim('a')], { app: 'b', environment: 'test' }, [{ domain: 'a.example', path: '/' }])
    expect(taken).toThrow(
      expect.objectContaining({ code: 'ROUTE_TAKEN', message: expect.stringContaining('a (test)') }),
    )
  })

  it('for parts of one domain stand side by side, and an app may change its own', () => {
    const api = [{ domain: 'a.example', path: '/api/' }]
    expect(() => refuseTaken([claim('a')], { app: 'b', environment: 'test' }, api)).not.toThrow()
    expect(() => refuseTaken([claim('a')], claim('a'), claim('a').routes)).not.toThrow()
    expect(() => refuseTaken([claim('a')], { app: 'a', environment: 'other' }, claim('a').routes)).toThrow()
  })

  it('replace what the same app claimed before', () => {
    const one = withClaim([claim('b')], claim('a'))
    expect(one.map(({ app }) => app)).toEqual(['a', 'b'])
    expect(withClaim(one, claim('a', { hsts: 1 })).map(({ hsts }) => hsts)).toEqual([1, 0])
    expect(withoutClaim(one, claim('a')).map(({ app }) => app)).toEqual(['b'])
  })

  it.each([
    { network: 'switchyard-a;show info' },
    { network: 'host' },
    { router: '10.1.0.2:80' },
    { front: '::1' },
    { app: 'a b' },
    { routes: [] },
    { routes: [{ domain: 'a.example x', path: '/', port: 8080 }] },
    { routes: [{ domain: 'a.example', path: '/a b/', port: 8080 }] },
    { routes: [{ domain: 'a.example', path: '/', port: 0 }] },
  ])('with %j go into no map', (more) => {
    expect(() => checkedClaim(claim('a', more))).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }))
  })
})

describe('maps', () => {
  const claims = [
    claim('b', { tls: 'auto', hsts: 60 }),
    claim('a', { tls: 'files', routes: [{ domain: 'b.example', path: '/a/', port: 8081 }] }),
  ]

  it('say where each route leads', () => {
    expect(mapFile(routesOf(claims))).toBe('b.example/ 10.1.0.2:8080\nb.example/a/ 10.1.0.2:8081\n')
  })

  it('send a domain to HTTPS only once its certificate is there', () => {
    expect(domainsOf({ claims, secured: [] })).toEqual([['b.example', 'auto:plain:0']])
    expect(domainsOf({ claims, secured: ['b.example'] })).toEqual([['b.example', 'auto:redirect:60']])
    expect(domainsOf({ claims: [claim('c')], secured: ['c.example'] })).toEqual([])
  })

  it('are read back as HAProxy shows them', () => {
    expect(readMap('0x55d b.example/ 10.1.0.2:8080\n0x55e a.example/ 10.1.0.2:8080\n\n')).toEqual([
      ['a.example/', '10.1.0.2:8080'],
      ['b.example/', '10.1.0.2:8080'],
    ])
  })
})
