import { promisify } from 'node:util'
import { BadAnswer } from './reason.ts'

/** Bodies are read up to this size, unpacked. */
export const maxBodyBytes = 1024 * 1024

export const tooLarge = 'the body is larger than 1 MiB'

/** The text of a body as it was sent. @throws BadAnswer when it is over the limit unpacked, or cannot be unpacked. */
export async function unpackBody(chunks: readonly Uint8Array[], encoding: string): Promise<string> {
  return (await unpack(Buffer.concat(chunks), encoding)).toString('utf8')
}

/** Undoes content encodings, the last one applied first; the count is bounded because each costs a whole pass. */
async function unpack(packed: Buffer, encoding: string): Promise<Buffer> {
  const names = encoding
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity')
  if (names.length === 0 || packed.length === 0) return packed
  if (names.length > 2) throw new BadAnswer('the body is packed more than twice')
  let body = packed
  for (const name of names.toReversed()) body = await unpackOne(body, name)
  return body
}

async function unpackOne(packed: Buffer, encoding: string): Promise<Buffer> {
  const zlib = await import('node:zlib')
  const options = { maxOutputLength: maxBodyBytes }
  const unpackers: Readonly<Record<string, () => Promise<Buffer>>> = {
    gzip: () => promisify(zlib.gunzip)(packed, options),
    'x-gzip': () => promisify(zlib.gunzip)(packed, options),
    br: () => promisify<Buffer, object, Buffer>(zlib.brotliDecompress)(packed, options),
    // "deflate" means zlib's format; some servers send it bare. The low half of the first byte tells.
    deflate: () => promisify((packed[0] ?? 0) % 16 === 8 ? zlib.inflate : zlib.inflateRaw)(packed, options),
  }
  const unpacker = Object.hasOwn(unpackers, encoding) ? unpackers[encoding] : undefined
  if (unpacker === undefined) throw new BadAnswer(`the body is packed in an unknown way`)
  try {
    return await unpacker()
  } catch (thrown) {
    const isTooLarge = (thrown as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE'
    throw new BadAnswer(isTooLarge ? `${tooLarge} when unpacked` : `the body cannot be unpacked (${encoding})`, {
      cause: thrown,
    })
  }
}
