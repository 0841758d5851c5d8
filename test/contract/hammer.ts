import { Agent, request } from 'node:http'

export interface Answer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: string
}

export interface AskOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  readonly agent?: Agent
}

/** One request over node:http, without any retry. */
export function ask(url: string, options: AskOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, agent } = options
    const outgoing = request(
      url,
      { method, headers, timeout: 20_000, ...(agent === undefined ? {} : { agent }) },
      (answer) => {
        const parts: Buffer[] = []
        answer.on('data', (part: Buffer) => parts.push(part))
        answer.once('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: Buffer.concat(parts).toString('utf8'),
          }),
        )
        answer.once('error', reject)
      },
    )
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer within 20 s')))
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}

export interface Hammered {
  readonly answers: number
  /** Refused, reset, truncated, timed out, or 502/503/504. */
  readonly lost: readonly string[]
  readonly versions: Readonly<Record<string, number>>
}

/** Clients that keep their connections and send GET and POST in turn, one after the other, until told to stop. */
export function hammer(url: string, clients: number): { stop(): Promise<Hammered> } {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const lost: string[] = []
  const versions: Record<string, number> = {}
  let answers = 0
  let going = true
  const body = JSON.stringify({ item: 'x'.repeat(1_000) })
  const client = async (first: number) => {
    for (let turn = first; going; turn += 1) {
      const options =
        turn % 2 === 0 ? { agent } : { agent, method: 'POST', body, headers: { 'content-type': 'application/json' } }
      try {
        const answer = await ask(url, options)
        answers += 1
        if (answer.status >= 502 && answer.status <= 504) lost.push(`${answer.status}`)
        const { version } = JSON.parse(answer.body) as { version: string }
        versions[version] = (versions[version] ?? 0) + 1
      } catch (fault) {
        lost.push(String(fault))
      }
    }
  }
  const running = Array.from({ length: clients }, (_, index) => client(index))
  return {
    async stop() {
      going = false
      await Promise.all(running)
      agent.destroy()
      return { answers, lost, versions }
    },
  }
}
