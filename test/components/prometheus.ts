import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'

export interface Prometheus {
  readonly url: string
  stop(): Promise<void>
}

const readyMs = 30_000
const tries = 3

/** A real Prometheus (Debian package `prometheus`) with its own configuration and data, which scrapes these `host:port` every second. */
export async function startPrometheus(targets: readonly string[]): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-prometheus-'))
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    scrape_configs: [{ job_name: 'shop', static_configs: [{ targets }] }],
  }
  // JSON is YAML.
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config))
  for (let left = tries; ; left -= 1) {
    try {
      return await start(folder, await freePort())
    } catch (thrown) {
      // Another program can have taken the port meanwhile.
      if (left > 1) continue
      await rm(folder, { recursive: true, force: true })
      throw thrown
    }
  }
}

async function start(folder: string, port: number): Promise<Prometheus> {
  const words = [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]
  const child = spawn('prometheus', words, { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  const ready = Promise.withResolvers<void>()
  const timer = setTimeout(() => ready.reject(new Error(`prometheus is not ready:\n${log}`)), readyMs)
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + String(chunk)).slice(-20_000)
    if (log.includes('Server is ready to receive web requests')) ready.resolve()
  })
  child.once('error', ready.reject)
  child.once('exit', (code) => ready.reject(new Error(`prometheus ended with ${code}:\n${log}`)))
  try {
    await ready.promise
  } catch (thrown) {
    child.kill('SIGKILL')
    throw thrown
  } finally {
    clearTimeout(timer)
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      if (child.exitCode === null) {
        const gone = once(child, 'exit')
        child.kill('SIGKILL')
        await gone
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}
