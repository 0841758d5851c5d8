import { get } from 'node:http'

/** One long answer under way. */
export interface Download {
  /** Why it did not arrive whole; undefined when it did. */
  readonly ended: Promise<string | undefined>
}

const graceMs = 20_000

/** Asks the shop for an answer that takes `ms` to arrive, on a connection of its own. Resolves when it has begun. */
export function startDownload(front: string, ms: number): Promise<Download> {
  return new Promise((begun, refused) => {
    const asked = get(`${front}/download?ms=${ms}`, { agent: false, timeout: ms + graceMs }, (answer) => {
      const wanted = Number(answer.headers['content-length'])
      let arrived = 0
      const ended = new Promise<string | undefined>((resolve) => {
        const over = () => resolve(fault(answer.statusCode, arrived, wanted))
        answer.on('data', (part: Buffer) => (arrived += part.length))
        for (const event of ['end', 'error', 'aborted', 'close']) answer.once(event, over)
      })
      begun({ ended })
    })
    asked.once('timeout', () => asked.destroy(new Error('it took too long')))
    asked.once('error', refused)
  })
}

function fault(status: number | undefined, arrived: number, wanted: number): string | undefined {
  if (status === 200 && arrived === wanted) return undefined
  return `status ${status}, ${arrived} of ${wanted} bytes`
}
