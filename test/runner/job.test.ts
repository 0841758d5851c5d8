import { afterEach, describe, expect, test } from '@jest/globals'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeActions, type FakeAction } from './fake-actions.ts'
import { startJob, type Job, type JobOptions } from './job.ts'
import { identityOf } from './process-identity.ts'

const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function jobWith(actions: Readonly<Record<string, FakeAction>>, options: JobOptions = {}): Promise<Job> {
  const { root, remove } = await writeActions(actions)
  const job = await startJob({ root, ...options })
  cleanups.push(remove, () => job.end())
  return job
}

async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-scratch-'))
  cleanups.push(() => rm(folder, { recursive: true, force: true }))
  return folder
}

function isAlive(pid: number): boolean {
  return identityOf(pid) !== undefined
}

async function waitFor(condition: () => boolean, what: string): Promise<void> {
  for (let round = 0; round < 200; round += 1) {
    if (condition()) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`never seen: ${what}`)
}

const write = `import { appendFileSync } from 'node:fs'
const to = (kind, text) => appendFileSync(process.env['GITHUB_' + kind], text + '\\n')
`

describe('inputs and files', () => {
  test('dashes are kept, defaults are set, undeclared inputs pass, nothing of the caller leaks in', async () => {
    process.env['SWITCHYARD_OF_THE_CALLER'] = 'yes'
    const job = await jobWith({
      one: {
        inputs: { 'some-input': 'default', 'a b': 'x', empty: '' },
        main: `console.log(JSON.stringify(process.env)); console.log(process.cwd())`,
      },
    })
    const { log } = await job.step({ action: 'one', inputs: { 'some-input': 'given', unknown: '1' } })
    delete process.env['SWITCHYARD_OF_THE_CALLER']
    const [text = '', cwd] = log.split('\n')
    const env = JSON.parse(text) as Record<string, string>
    expect(env).toMatchObject({
      'INPUT_SOME-INPUT': 'given',
      INPUT_A_B: 'x',
      INPUT_EMPTY: '',
      INPUT_UNKNOWN: '1',
      GITHUB_ACTIONS: 'true',
    })
    expect(env['RUNNER_TRACKING_ID']).toBe(job.trackingId)
    expect(cwd).toBe(env['GITHUB_WORKSPACE'])
    expect(Object.keys(env)).not.toContain('SWITCHYARD_OF_THE_CALLER')
    expect(Object.keys(env)).not.toContain('NODE_OPTIONS')
  })

  test('outputs, state, summary; env and path reach the next step, state reaches post alone', async () => {
    const job = await jobWith({
      one: {
        main: `${write}to('OUTPUT', 'a=1'); to('STATE', 'pid=7'); to('ENV', 'LATER<<E\\nx\\ny\\nE'); to('PATH', '/opt/one'); to('STEP_SUMMARY', '# done')`,
        post: `console.log('post', process.env.STATE_pid, process.env.LATER.length)`,
      },
      two: {
        main: `console.log(JSON.stringify([process.env.LATER, process.env.STATE_pid, process.env.PATH.split(':')[0]]))`,
      },
    })
    const one = await job.step({ action: 'one' })
    expect(one).toMatchObject({
      exitCode: 0,
      outcome: 'success',
      outputs: { a: '1' },
      state: { pid: '7' },
      summary: '# done\n',
      problems: [],
    })
    expect(JSON.parse((await job.step({ action: 'two' })).log)).toEqual(['x\ny', null, '/opt/one'])
    expect((await job.end()).posts.map(({ log }) => log)).toEqual(['post 7 3'])
  })

  test('files written before a crash count; a broken file fails the step', async () => {
    const job = await jobWith({
      crash: { main: `${write}to('OUTPUT', 'a=1'); process.exit(3)` },
      broken: { main: `${write}to('OUTPUT', 'a<<END'); to('ENV', 'NODE_OPTIONS=--inspect')` },
    })
    expect(await job.step({ action: 'crash' })).toMatchObject({ exitCode: 3, outcome: 'failure', outputs: { a: '1' } })
    const broken = await job.step({ action: 'broken' })
    expect(broken).toMatchObject({ exitCode: 0, outcome: 'failure', outputs: {} })
    expect(broken.problems).toHaveLength(2)
  })

  test('a summary above 1 MiB is an error annotation and is gone', async () => {
    const job = await jobWith({ one: { main: `${write}to('STEP_SUMMARY', 'x'.repeat(1024 * 1024))` } })
    const { summary, annotations, exitCode } = await job.step({ action: 'one' })
    expect({ summary, exitCode }).toEqual({ summary: '', exitCode: 0 })
    expect(annotations[0]?.message).toContain('1024k')
  })

  test('posts run last step first, also after a failure, and not for steps that never began', async () => {
    const job = await jobWith({
      one: { main: '', post: `console.log('one')` },
      two: { main: 'process.exit(1)', post: `console.log('two')` },
      three: { main: '', post: `console.log('three')` },
    })
    await job.step({ action: 'one' })
    await job.step({ action: 'two' })
    expect((await job.end()).posts.map(({ log }) => log)).toEqual(['two', 'one'])
  })
})

describe('what is printed', () => {
  test('commands come from both streams; ten annotations of a level are kept, cut at 4096', async () => {
    const job = await jobWith({
      one: {
        main: `for (let i = 0; i < 12; i++) console.error('::error::[CODE] ' + i); console.log('::warning file=a.ts,line=3::' + 'w'.repeat(5000))`,
      },
    })
    const { annotations, annotationsDropped } = await job.step({ action: 'one' })
    expect(annotations.filter(({ level }) => level === 'error')).toHaveLength(10)
    expect(annotationsDropped).toBe(2)
    expect(annotations.find(({ level }) => level === 'warning')).toMatchObject({
      file: 'a.ts',
      line: '3',
      message: 'w'.repeat(4096),
    })
  })

  test('nothing is a command between stop-commands and its token', async () => {
    const job = await jobWith({
      one: { main: `console.log('::stop-commands::T1\\n::error::no\\n::T1::\\n::error::yes')` },
    })
    expect((await job.step({ action: 'one' })).annotations.map(({ message }) => message)).toEqual(['yes'])
  })

  test.each([
    ['as it is', `console.log('token=hunter22')`],
    ['on stderr', `console.error('hunter22')`],
    ['one line of several', `console.log('::add-mask::first%0Asecond line'); console.log('a second line')`],
    ['in base64', `console.log(Buffer.from('user:hunter22-and-more').toString('base64'))`],
    ['in an output', `${write.replaceAll('\n', ';')} to('OUTPUT', 'a=hunter22')`],
    ['in the summary', `${write.replaceAll('\n', ';')} to('STEP_SUMMARY', 'hunter22')`],
  ])('a secret %s fails the step', async (_name, main) => {
    const imports = main.includes('import')
      ? main.replace(/^(import[^;]*;)/, `$1 console.log('::add-mask::hunter22');`)
      : `console.log('::add-mask::hunter22'); ${main}`
    const job = await jobWith({ one: { main: imports } })
    await expect(job.step({ action: 'one' })).rejects.toThrow('showed a secret')
  })

  test('secrets of the job are masked from the start, and dropped from job outputs', async () => {
    const job = await jobWith(
      { one: { main: `${write}console.log('a s3cr3t-value'); to('OUTPUT', 'x=s3cr3t-value'); to('OUTPUT', 'y=1')` } },
      { secrets: ['s3cr3t-value'], allowLeaks: true },
    )
    const { log, outputs, leaks } = await job.step({ action: 'one' })
    expect(log).toBe('a ***')
    expect(leaks).toHaveLength(2)
    expect(job.jobOutputs(outputs)).toEqual({ y: '1' })
  })

  test('the mask itself and what was printed before it are no leaks', async () => {
    const job = await jobWith({
      one: { main: `console.log('hunter22'); console.log('::add-mask::hunter22'); console.log('fine')` },
    })
    expect((await job.step({ action: 'one' })).leaks).toEqual([])
  })
})

describe('cancel, loss, end', () => {
  const child = (folder: string, env = 'process.env') => `import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { detached: true, stdio: 'ignore', env: ${env} })
child.unref()
writeFileSync('${folder}/child', String(child.pid))
`
  const pidOf = async (folder: string) => {
    await waitFor(() => existsSync(join(folder, 'child')), 'the child')
    return Number(await readFile(join(folder, 'child'), 'utf8'))
  }

  test('SIGINT, SIGTERM, SIGKILL of node alone; the child lives while post runs and dies with the job', async () => {
    const folder = await scratch()
    const main = `${child(folder)}
const begun = Date.now()
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => console.log(signal, Date.now() - begun))
setInterval(() => {}, 1000)
console.log('ready')`
    const post = `try { process.kill(${'`${process.env.CHILD}`'}, 0) } catch {}
import { readFileSync } from 'node:fs'
const pid = Number(readFileSync('${folder}/child', 'utf8')); process.kill(pid, 0); console.log('alive')`
    const job = await jobWith({ one: { main, post } }, { cancelTimes: { interruptMs: 300, terminateMs: 200 } })
    let ready = false
    await job.start({ action: 'one', onLine: (line) => (ready ||= line === 'ready') })
    await waitFor(() => ready, 'ready')
    const pid = await pidOf(folder)
    const begun = Date.now()
    const result = await job.cancel()

    expect(result).toMatchObject({ signal: 'SIGKILL', exitCode: 137, outcome: 'cancelled' })
    expect(result?.log).toMatch(/^ready\nSIGINT \d+\nSIGTERM \d+$/)
    expect(Date.now() - begun).toBeGreaterThanOrEqual(490)
    expect(isAlive(pid)).toBe(true)
    const { posts, killed } = await job.end()
    expect(posts[0]?.log).toBe('alive')
    expect(killed).toContain(pid)
    await waitFor(() => !isAlive(pid), 'the end of the child')
  })

  test('a step that obeys SIGINT is not killed', async () => {
    const job = await jobWith({
      one: { main: `process.on('SIGINT', () => process.exit(1)); setInterval(() => {}, 1000); console.log('ready')` },
    })
    let ready = false
    await job.start({ action: 'one', onLine: () => (ready = true) })
    await waitFor(() => ready, 'ready')
    expect(await job.cancel()).toMatchObject({ exitCode: 1, signal: null, outcome: 'cancelled' })
  })

  test('a step over its time is cancelled', async () => {
    const job = await jobWith({ one: { main: `setInterval(() => {}, 1000)` } })
    expect(await job.step({ action: 'one', timeoutMs: 300 })).toMatchObject({
      signal: 'SIGINT',
      exitCode: 130,
      outcome: 'cancelled',
    })
  })

  test('a process without the tracking id outlives the job; the folder of the actions does not', async () => {
    const folder = await scratch()
    const job = await jobWith({ one: { main: child(folder, '{}') } })
    await job.step({ action: 'one' })
    const pid = await pidOf(folder)
    cleanups.push(async () => isAlive(pid) && process.kill(pid, 'SIGKILL'))
    expect(existsSync(join(job.actions, 'dist/one/node_modules'))).toBe(false)
    expect((await job.end()).killed).toEqual([])
    expect(isAlive(pid)).toBe(true)
    expect(existsSync(job.actions)).toBe(false)
  })

  test('a lost runner: everything dies, no post runs', async () => {
    const folder = await scratch()
    const job = await jobWith({
      one: {
        main: `${child(folder)} setInterval(() => {}, 1000)`,
        post: `import { writeFileSync } from 'node:fs'; writeFileSync('${folder}/post', '')`,
      },
    })
    const running = await job.start({ action: 'one' })
    const pid = await pidOf(folder)
    await job.lose()
    expect(await running.result).toMatchObject({ signal: 'SIGKILL' })
    await waitFor(() => !isAlive(pid), 'the end of the child')
    expect(existsSync(join(folder, 'post'))).toBe(false)
  })

  test('output held open by a child does not hold the step for ever', async () => {
    const job = await jobWith({
      one: {
        main: `import { spawn } from 'node:child_process'; spawn('sleep', ['30'], { stdio: 'inherit', detached: true }).unref()`,
      },
    })
    const { ms, exitCode } = await job.step({ action: 'one' })
    expect(exitCode).toBe(0)
    expect(ms).toBeLessThan(8000)
    expect((await job.end()).killed).toHaveLength(1)
  })
})

test('an action that is not there, or has no bundle, is an error that names the file', async () => {
  const job = await jobWith({ one: { main: '' } })
  await expect(job.step({ action: 'two' })).rejects.toThrow('two/action.yml')
  await rm(join(job.actions, 'dist', 'one', 'index.js'))
  await expect(job.step({ action: 'one' })).rejects.toThrow('dist/one/index.js')
})
