import { Transform } from 'node:stream'
import type { IncomingMessage } from 'node:http'

/** Does a request say itself that its body has more bytes than that? 0: none is too many. */
export function isTooLong(request: IncomingMessage, most: number): boolean {
  return most > 0 && Number(request.headers['content-length'] ?? 0) > most
}

/** The body of a request that does not say its length, which breaks off before it is too long; null where it needs no watching. */
export function boundBody(request: IncomingMessage, most: number, tooMuch: () => void): Transform | null {
  if (most === 0 || request.headers['transfer-encoding'] === undefined) return null
  let left = most
  const counted = new Transform({
    transform(part: Buffer, _encoding, next) {
      left -= part.length
      if (left >= 0) next(null, part)
      else tooMuch()
    },
  })
  return request.pipe(counted)
}
