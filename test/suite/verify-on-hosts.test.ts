import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readSettings } from '#suite'
import { verifyCommand } from '../../actions/verify-health/command.ts'
import { action } from '../../actions/verify-health/inputs.ts'
import { describeWith } from '../components/require.ts'
import { startSshd } from '../components/sshd.ts'
import type { Sshd } from '../components/sshd.ts'
import { sessionOf } from './session.ts'

const longMs = 60_000

describeWith('sshd', 'verify-health, looking on hosts', () => {
  let folder = ''
  let servers: readonly Sshd[] = []
  const web = createServer((_request, response) => response.end('{}'))
  let url = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sy-verify-'))
    await chmod(folder, 0o755)
    const [first, second] = [join(folder, 'a'), join(folder, 'b')]
    await Promise.all([mkdir(first), mkdir(second)])
    const one = await startSshd({ folder: first })
    // One key for all hosts, as a deploy has it.
    const settings = [`AuthorizedKeysFile ${join(first, 'user-key.pub')}`]
    servers = [one, await startSshd({ folder: second, settings })]
    await Promise.all(servers.map(({ homes }) => writeFile(join(homes, 'root', 'up'), '')))
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/health`
  }, longMs)
  afterAll(async () => {
    web.close()
    await Promise.all(servers.map((server) => server.stop()))
    await rm(folder, { recursive: true, force: true })
  }, longMs)

  async function verdict(inputs: Readonly<Record<string, string>>) {
    const session = sessionOf(
      { url, deadline: '5s', 'health-url': '-', 'probes-run-in': 'host', ...way(), ...inputs },
      {},
    )
    const { outputs, failure } = await verifyCommand(session, await readSettings(action, session))
    return { verdict: outputs['verdict'], code: failure?.code, why: failure?.message ?? '' }
  }

  const way = () => ({
    hosts: servers.map((server) => server.address()).join('\n'),
    'known-hosts': servers.map(({ knownHosts }) => knownHosts).join('\n'),
    'ssh-key': servers[0]?.key ?? '',
  })

  it(
    'runs a command on each, and names the one where it is bad',
    async () => {
      const probes = 'command:test -e up'
      expect(await verdict({ probes })).toMatchObject({ verdict: 'pass' })
      expect(await verdict({ probes, 'probes-run-in': 'runner' })).toMatchObject({ verdict: 'fail' })
      const [, second] = servers
      await rm(join(second?.homes ?? '', 'root', 'up'))
      const { why, ...found } = await verdict({ probes, deadline: '1s' })
      expect(found).toEqual({ verdict: 'fail', code: expect.any(String) })
      expect(why).toContain(` on ${second?.address()}: exit code 1`)
    },
    longMs,
  )

  it(
    'ends with an error where a host cannot be reached, and reaches none for a plain address',
    async () => {
      const gone = { 'known-hosts': '' }
      expect(await verdict({ probes: 'command:true', ...gone })).toMatchObject({ verdict: 'error' })
      expect(await verdict({ probes: url, ...gone })).toMatchObject({ verdict: 'pass' })
    },
    longMs,
  )
})
