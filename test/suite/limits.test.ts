import { expect, test } from '@jest/globals'
import type { Release, Target } from '#kernel'
import { limitsAsked } from '../../packages/suite/limits.ts'
import { refuseH2c, refusing } from '../../packages/suite/refusing.ts'

test('what is not asked stays as the environment has had it', () => {
  expect(limitsAsked({}, undefined)).toBeUndefined()
  expect(limitsAsked({ 'max-body': null, 'request-timeout': null }, { maxBodyBytes: 5 })).toEqual({ maxBodyBytes: 5 })
  expect(limitsAsked({ 'max-body': 0, 'request-timeout': 9_000 }, { maxBodyBytes: 5 })).toEqual({
    maxBodyBytes: 0,
    requestTimeoutMs: 9_000,
  })
})

test('a release that speaks HTTP/2 is refused for a router that does not, before anything is asked of the target', async () => {
  const looked: string[] = []
  const target = { preflight: (release: Release) => Promise.resolve([...looked, (looked.push(release.id), 'fine')]) }
  const release = (protocol: object): Release => ({
    ...{ id: 'a1', app: 'shop', environment: 'test', version: 'v1' },
    services: [
      {
        ...{ name: 'web', ref: 'x', instances: 1, overlap: 'allow', env: {} },
        routed: { port: 3000, health: '/health', ...protocol },
      },
    ],
  })
  const guarded = refusing(target as unknown as Target, [refuseH2c('nginx')])
  await expect(guarded.preflight?.(release({ protocol: 'h2c' }))).rejects.toMatchObject({
    ...{ code: 'INPUT_CONFLICT', field: 'app-protocol', message: expect.stringContaining('nginx') },
  })
  expect(looked).toEqual([])
  expect(await guarded.preflight?.(release({}))).toEqual(['fine'])
})
