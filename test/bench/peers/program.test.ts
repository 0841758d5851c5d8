import { afterEach, expect, test } from '@jest/globals'
import { dockerRollout } from './docker-rollout.ts'
import { haproxyFront } from './haproxy-front.ts'
import { kamalProxy } from './kamal-proxy.ts'
import { lacking, pathOf } from './program.ts'
import { traefikFront } from './traefik-front.ts'

const program = { variable: 'SWITCHYARD_PEER_OF_A_TEST', source: 'make it' }

afterEach(() => {
  delete process.env[program.variable]
})

test('a program that is not named, or not there, is told with the command that gets it', () => {
  expect(lacking(program)).toBe('SWITCHYARD_PEER_OF_A_TEST is not set; to get it: make it')
  expect(() => pathOf(program)).toThrow('SWITCHYARD_PEER_OF_A_TEST is not set')
  process.env[program.variable] = '/no/such/program'
  expect(lacking(program)).toBe('SWITCHYARD_PEER_OF_A_TEST=/no/such/program does not exist; to get it: make it')
})

test('a program that is there lacks nothing', () => {
  process.env[program.variable] = process.execPath
  expect(lacking(program)).toBeUndefined()
  expect(pathOf(program)).toBe(process.execPath)
})

test.each([
  ['SWITCHYARD_PEER_KAMAL_PROXY', kamalProxy],
  ['SWITCHYARD_PEER_DOCKER_ROLLOUT', dockerRollout(haproxyFront, false)],
  ['SWITCHYARD_PEER_TRAEFIK', { missing: () => traefikFront.missing() }],
])('%s is asked for', (variable, kind) => {
  const before = process.env[variable]
  delete process.env[variable]
  expect(kind.missing()).toMatch(new RegExp(`^${variable} is not set; to get it: git clone https://`))
  if (before !== undefined) process.env[variable] = before
})
