import { describe, expect, it } from '@jest/globals'
import { readInputs, readSettings } from '#suite'
import { deployCommand } from '../../actions/deploy-bluegreen/command.ts'
import { action as deploy } from '../../actions/deploy-bluegreen/inputs.ts'
import { action as rollback } from '../../actions/rollback/inputs.ts'
import { sessionOf } from './session.ts'
import { batchOf } from '../../packages/suite/open-hosts.ts'

const given = (inputs: Readonly<Record<string, string>>) => (name: string) => inputs[name] ?? ''
const release = `web@sha256:${'a'.repeat(64)}`
const conflict = { code: 'INPUT_CONFLICT', field: 'hosts' }

describe('several hosts, as inputs', () => {
  it.each([
    ['twice', 'deploy@web1\ndeploy@web1'],
    ['twice in other letters', 'deploy@web1\ndeploy@WEB1'],
    ['twice, written in two ways', 'deploy@web1\nssh://deploy@web1:22/'],
    ['for two users', 'deploy@web1\nroot@web1'],
  ])('refuse a machine that is named %s', (_how, hosts) => {
    expect(() => readInputs(deploy, given({ hosts, release }))).toThrow(expect.objectContaining(conflict))
    expect(() => readInputs(rollback, given({ hosts }))).toThrow(expect.objectContaining(conflict))
  })

  it('may be the same machine at two ports, which are two', () => {
    expect(readInputs(deploy, given({ hosts: 'a@web1:22\na@web1:2222', release })).hosts).toHaveLength(2)
  })

  it('refuse to be taken over together', () => {
    const inputs = { release, adopt: 'true', hosts: 'deploy@web1\ndeploy@web2' }
    expect(() => readInputs(deploy, given(inputs))).toThrow(expect.objectContaining(conflict))
    expect(readInputs(deploy, given({ ...inputs, hosts: 'deploy@web1' })).adopt).toBe(true)
  })

  it('name what is no address before anything is done', () => {
    expect(() => readInputs(deploy, given({ hosts: 'web1', release }))).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', field: 'hosts' }),
    )
  })

  it('setting up needs no release', () => {
    expect(readInputs(deploy, given({ mode: 'setup' })).mode).toBe('setup')
    expect(() => readInputs(deploy, given({}))).toThrow(expect.objectContaining({ code: 'INPUT_MISSING' }))
  })

  it('cannot be set up without a known host: the summary says what to do', async () => {
    const session = sessionOf({ mode: 'setup', hosts: 'deploy@web1' }, { GITHUB_REPOSITORY: 'acme/shop' })
    const { failure, summary, outputs } = await deployCommand(session, await readSettings(deploy, session))
    expect({ code: failure?.code, outputs }).toEqual({ code: 'INPUT_MISSING', outputs: { verdict: 'error' } })
    expect(summary).toContain('Set up shop in production')
    expect(summary).toContain('[INPUT_MISSING] known-hosts is required for deploy@web1')
    expect(summary).toContain('ssh-keyscan')
  })
})

describe('batch', () => {
  it.each([
    ['', 3, 1],
    ['1', 3, 1],
    ['2', 3, 2],
    ['9', 3, 3],
    ['25%', 8, 2],
    ['25%', 3, 1],
    ['50%', 5, 2],
    ['100%', 3, 3],
  ])('%s of %d hosts is %d', (text, hosts, expected) => {
    expect(batchOf(readInputs(deploy, given({ batch: text, release })).batch, hosts)).toBe(expected)
  })

  it.each(['0', '0%', '101%', '-1', '1.5', 'all', '1 %', '25%25'])('refuses %s', (text) => {
    expect(() => readInputs(deploy, given({ batch: text, release }))).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', field: 'batch' }),
    )
  })
})
