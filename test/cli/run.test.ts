import { describe, expect, it } from '@jest/globals'
import { fieldsOf } from '#suite'
import { commands } from '../../packages/cli/commands.ts'
import { runCli } from '../../packages/cli/run.ts'
import { show } from '../../packages/cli/show.ts'

async function cli(words: readonly string[], environment: Record<string, string> = {}) {
  let out = ''
  let err = ''
  const code = await runCli(words, {
    environment,
    out: { isTTY: false, write: (text: string) => ((out += text), true) },
    err: { isTTY: false, columns: 80, write: (text: string) => ((err += text), true) },
  })
  return { code, out, err }
}

describe('the command line', () => {
  it('lists its commands, with and without being asked', async () => {
    for (const words of [[], ['--help'], ['help']]) {
      const { code, out } = await cli(words)
      expect(code).toBe(0)
      for (const name of Object.keys(commands)) expect(out).toContain(name)
    }
  })

  it.each(Object.keys(commands))('%s --help lists every input that is not decided by the word', async (name) => {
    const { code, out } = await cli([name, '--help'])
    const loaded = await commands[name]?.load()
    if (loaded === undefined) throw new Error(`no command ${name}`)
    expect(code).toBe(0)
    for (const field of fieldsOf(loaded.definition)) {
      if (commands[name]?.fixed?.[field.name] === undefined) expect(out).toContain(`--${field.name}`)
      else expect(out).not.toContain(`--${field.name} `)
    }
  })

  it('names the nearest command and the nearest input', async () => {
    expect(await cli(['deplyo'])).toMatchObject({ code: 1, err: expect.stringContaining('"deploy"') })
    expect(await cli(['deploy', '--relase', 'x'])).toMatchObject({ code: 1, err: expect.stringContaining('--release') })
    expect(await cli(['deploy', '--release'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('[INPUT_MISSING]'),
    })
  })

  it('takes a value that begins with dashes, also after =, and does not take the next input for one', async () => {
    const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0IGtleQ==\n-----END OPENSSH PRIVATE KEY-----'
    for (const words of [['--ssh-key', key], [`--ssh-key=${key}`]]) {
      const { err } = await cli(['status', '--hosts=web1', ...words])
      expect(err).toMatch(/^\[INPUT_INVALID\] hosts/)
    }
    expect(await cli(['status', '--ssh-key', '--hosts', 'web1'])).toMatchObject({
      err: expect.stringMatching(/^\[INPUT_MISSING\] --ssh-key needs a value/),
    })
    expect(await cli(['status', '--app='])).toMatchObject({ err: expect.not.stringContaining('INPUT_MISSING') })
  })

  it.each([
    ['a stray value', ['status', 'hunter2secret']],
    ['a value after a value', ['status', '--app', 'shop', 'hunter2secret']],
    ['a key without its input', ['status', '-----BEGIN hunter2secret']],
    ['an unknown input', ['status', '--sshkey=hunter2secret']],
    ['an unknown input with its value', ['status', '--sshkey', '--hunter2secret-----']],
    ['dashes alone', ['status', '--', 'hunter2secret']],
  ])('shows no value: %s', async (_what, words) => {
    const { code, err, out } = await cli(words)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(/^\[INPUT_UNKNOWN\]/)
    expect(err).not.toContain('hunter2secret')
  })

  it('gives a typed failure and no trace for a mistake of the user', async () => {
    const { code, err, out } = await cli(['verify', '--url', 'nonsense'])
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(/^\[INPUT_INVALID\] url /)
    expect(err).not.toContain('at ')
  })

  it('prints outputs as JSON, hides secrets everywhere, and ends with 1 on a bad verdict', async () => {
    const { code, out, err } = await cli([
      'verify',
      '--url',
      'http://user:hunter2secret@127.0.0.1:9/',
      '--deadline',
      '100ms',
      '--json',
    ])
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({ verdict: 'fail', report: { verdict: { outcome: 'fail' } } })
    expect(out + err).not.toContain('hunter2secret')
    expect(err).toContain('[VERDICT_FAIL]')
  })

  it('takes an input from the environment, and a flag before it', async () => {
    const environment = { INPUT_URL: 'http://127.0.0.1:9/', INPUT_DEADLINE: '50ms' }
    expect(await cli(['verify'], environment)).toMatchObject({
      code: 1,
      err: expect.stringContaining('[VERDICT_FAIL]'),
    })
    expect(await cli(['verify', '--deadline', 'soon'], environment)).toMatchObject({
      err: expect.stringContaining('deadline'),
    })
  })

  it('shows status and history for people', () => {
    const slots = {
      blue: { traffic: '100 %', state: 'running', release: 'v1 (abc)' },
      green: { traffic: '0 %', state: 'empty', release: 'nothing' },
    }
    const status = {
      app: 'shop',
      environment: 'production',
      target: 'process',
      front: '127.0.0.1:80',
      slots,
      held: 'by nobody',
    }
    expect(show('status', { status: JSON.stringify(status) })).toContain('blue   100 %  running')
    expect(show('history', { history: '[]' })).toContain('nothing was released')
    const failure = '[HOST_UNREACHABLE] web2 cannot be reached'
    const hosts = [
      { host: 'web1', status },
      { host: 'web2', failure },
    ]
    expect(show('status', { status: JSON.stringify(hosts) })).toMatch(
      /^web1\nshop [^]*held by nobody\n\nweb2\n\[HOST_UNR/,
    )
    const logs = [{ host: 'web1', logs: { slot: 'blue', text: 'hello' } }]
    expect(show('logs', { logs: JSON.stringify(logs) })).toBe('web1\nhello\n')
  })
})
