import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { parse, stringify } from 'yaml'
import { writePortable } from '../../packages/tooling/portable-workflows.ts'
import { freePort } from '../components/free-port.ts'
import { endProcesses, processesOf } from '../demo/processes.ts'
import { copyActions } from '../runner/action-copy.ts'
import { callersOfReadme, project, published } from './caller.ts'

const run = promisify(execFile)
const actMs = 40_000
/** Labels of the README's callers: all of them are this machine. */
const labels = ['ubuntu-latest', 'self-hosted', 'production']

/** A team's repository beside a published Switchyard, and act to run its workflows on this machine. */
export class CallerRepository {
  readonly folder: string
  readonly front: string

  private constructor(folder: string, front: string) {
    this.folder = folder
    this.front = front
  }

  /** The sample shop with the README's two callers; its configuration file keeps all state in one temporary folder. */
  static async make(): Promise<CallerRepository> {
    const folder = await mkdtemp(join(tmpdir(), 'switchyard-act-'))
    const repository = new CallerRepository(folder, `127.0.0.1:${await freePort()}`)
    await copyActions(project, join(folder, 'switchyard'))
    writePortable(published.at, join(folder, 'switchyard'))
    await cp(join(project, 'test', 'apps', 'shop'), join(folder, 'shop'), { recursive: true })
    await repository.write('.github/switchyard.yml', {
      app: 'shop',
      services: { web: { command: 'node server.mjs', port: 3000 } },
      target: 'process',
      listen: repository.front,
      'state-dir': join(folder, 'state'),
      migrate: { migrations: 'migrations' },
      bake: '200ms',
      'on-inconclusive': 'continue',
    })
    const { 'rollback.yml': rollback } = await callersOfReadme()
    // This machine is the one that serves.
    await repository.write('.github/workflows/rollback.yml', rollback.replace(/^ +hosts: .*\n/m, ''))
    await repository.git('init', '--quiet', '--initial-branch=main')
    await repository.git('remote', 'add', 'origin', 'https://github.com/acme/shop.git')
    return repository
  }

  /**
   * Commits a version of the shop, and the README's caller that releases it as an archive on this machine, instead of an image
   * on a host, and migrates a database before.
   *
   * @param files more files of this version, by their path
   */
  async commit(version: string, files: Readonly<Record<string, string>> = {}): Promise<void> {
    for (const [name, text] of Object.entries(files)) await this.write(name, text)
    const { 'release.yml': readme } = await callersOfReadme()
    const release = parse(readme) as { jobs: { release: Record<'with' | 'secrets', Record<string, string>> } }
    const job = release.jobs.release
    const { image, hosts, domain, ...given } = job.with
    if ([image, hosts, domain].includes(undefined)) throw new Error('the caller of the README is another one')
    job.with = { ...given, artifact: 'folder', version }
    job.secrets = { ...job.secrets, 'database-url': '${{ secrets.DATABASE_URL }}' }
    await this.write('.github/workflows/release.yml', release)
    await this.write('version.json', JSON.stringify({ version }))
    await this.git('add', '--all')
    await this.git('-c', 'user.name=Team', '-c', 'user.email=team@example.com', 'commit', '--quiet', '-m', version)
  }

  /** Runs a workflow of the repository to its end. @returns the log; @throws when it fails */
  async act(event: string, workflow: string, words: readonly string[] = []): Promise<string> {
    const platforms = labels.flatMap((label) => ['--platform', `${label}=-self-hosted`])
    const local = `${published.at}=${join(this.folder, 'switchyard')}`
    const fixed = ['--no-cache-server', '--pull=false', '--local-repository', local]
    const { stdout, stderr } = await run(
      'act',
      [event, '-W', `.github/workflows/${workflow}`, ...platforms, ...fixed, ...words],
      {
        cwd: join(this.folder, 'shop'),
        timeout: actMs,
        killSignal: 'SIGKILL',
        maxBuffer: 8 * 1024 * 1024,
        env: {
          // act takes whatever node is first in PATH; dbmate is the project's; caches and settings belong to this run.
          PATH: [dirname(process.execPath), process.env['PATH'], join(project, 'node_modules', '.bin')].join(delimiter),
          HOME: join(this.folder, 'home'),
          XDG_CACHE_HOME: join(this.folder, 'home', 'cache'),
        },
      },
    )
    return stdout + stderr
  }

  /** The SQLite file of the shop. */
  get database(): string {
    return join(this.folder, 'shop.sqlite')
  }

  /** What the front serves. */
  async served(): Promise<string> {
    const answer = await fetch(`http://${this.front}/`, { signal: AbortSignal.timeout(5_000) })
    return ((await answer.json()) as { version: string }).version
  }

  /** Orders something in the shop. @throws when the front does not take it */
  async order(item: string): Promise<void> {
    const order = { method: 'POST', body: JSON.stringify({ item }), signal: AbortSignal.timeout(5_000) }
    const answer = await fetch(`http://${this.front}/`, order)
    if (answer.status !== 201) throw new Error(`the order was answered ${answer.status}: ${await answer.text()}`)
  }

  /** Ends what outlives act, as a router and supervisors should, and removes everything. @returns what could not be ended */
  async remove(): Promise<readonly string[]> {
    // Supervisors and the router first are asked, then a second look finds what those had started meanwhile.
    for (let round = 0; round < 2; round += 1) await endProcesses(await processesOf(this.folder), 3_000)
    const left = await processesOf(this.folder)
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 })
    return left.map(({ pid, command }) => `${pid} ${command}`)
  }

  private async write(name: string, content: unknown): Promise<void> {
    const path = join(this.folder, 'shop', name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, typeof content === 'string' ? content : stringify(content))
  }

  private async git(...words: readonly string[]): Promise<void> {
    await run('git', words, { cwd: join(this.folder, 'shop'), timeout: 10_000 })
  }
}
