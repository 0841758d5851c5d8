import { createHash } from 'node:crypto'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../components/free-port.ts'
import { makeCertificate } from '../routers/make-certificate.ts'
import { identityOf } from '../runner/process-identity.ts'

/** An nginx with what the page about it says, and nothing that Switchyard knows of. */
export interface StayingFront extends AsyncDisposable {
  readonly url: string
  readonly domain: string
  /** What may not change: its configuration, and who runs since when. */
  identity(): Promise<string>
}

const page = join(import.meta.dirname, '..', '..', 'docs', 'front-that-stays.md')
const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']

/** Starts nginx before a router on loopback, with the very snippet of the page. */
export async function startFrontThatStays(routerPort: number): Promise<StayingFront> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-front-'))
  // Its workers are another user.
  await chmod(folder, 0o711)
  await mkdir(join(folder, 'temporary'))
  const port = await freePort()
  const config = join(folder, 'nginx.conf')
  const { domain, text } = await snippetFor({ folder, port, routerPort })
  await writeFile(config, whole(folder, text))
  const child = spawn('nginx', ['-c', config, '-g', 'daemon off;'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const said: Buffer[] = []
  child.stderr.on('data', (part: Buffer) => said.push(part))
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await untilListening(port)
  } catch (thrown) {
    await stop()
    throw new Error(`nginx did not come up: ${Buffer.concat(said).toString('utf8')}`, { cause: thrown })
  }
  return {
    url: `https://127.0.0.1:${port}`,
    domain,
    async identity() {
      const { pid = 0 } = child
      const hash = createHash('sha256')
        .update(await readFile(config))
        .digest('hex')
      const workers = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], {
        encoding: 'utf8',
        timeout: 10_000,
      }).stdout
      const all = [pid, ...workers.split('\n').filter((line) => line.trim() !== '')].map((each) => Number(each))
      return JSON.stringify({ hash, processes: all.map((each) => identityOf(each)) })
    },
    [Symbol.asyncDispose]: stop,
  }
}

interface Place {
  readonly folder: string
  readonly port: number
  readonly routerPort: number
}

/** The page's own lines; only addresses and certificate are the test's. @throws Error when the page no longer has them */
async function snippetFor({ folder, port, routerPort }: Place): Promise<{ domain: string; text: string }> {
  const [, snippet = ''] = /^```nginx\n([^]*?)^```$/m.exec(await readFile(page, 'utf8')) ?? []
  const [, domain = ''] = /^ *server_name (\S+);$/m.exec(snippet) ?? []
  const { certificate, key } = await makeCertificate([domain])
  await writeFile(join(folder, 'certificate.pem'), certificate)
  await writeFile(join(folder, 'key.pem'), key)
  const changes = [
    ['server 127.0.0.1:8080;', `server 127.0.0.1:${routerPort};`],
    ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
    ['# certificates as they are', `ssl_certificate ${folder}/certificate.pem; ssl_certificate_key ${folder}/key.pem;`],
  ] as const
  const text = changes.reduce((before, [from, to]) => {
    if (before.split(from).length !== 2) throw new Error(`${page}: "${from}" is not there once`)
    return before.replace(from, to)
  }, snippet)
  return { domain, text }
}

function whole(folder: string, snippet: string): string {
  return `user www-data;
worker_processes 2;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 768; }
http {
  access_log off;
${temporary.map((name) => `  ${name}_temp_path ${folder}/temporary/${name};`).join('\n')}
${snippet}}
`
}

async function untilListening(port: number): Promise<void> {
  for (let look = 0; ; look += 1) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch (thrown) {
      if (look === 200) throw thrown
      await sleep(25)
    } finally {
      socket.destroy()
    }
  }
}
