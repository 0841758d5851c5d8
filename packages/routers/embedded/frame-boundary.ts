/** RFC 6455, 7.4.1: an endpoint is going away. From a server: not masked. */
export const goingAwayFrame = Buffer.from([0x88, 0x02, 0x03, 0xe9])

/**
 * Follows the frames that a server sends over a WebSocket, to know when one is whole: only there can a frame of our own be put in
 * without becoming a part of the app's.
 */
export class FrameBoundary {
  #header: number[] = []
  #payloadLeft = 0n

  get isWhole(): boolean {
    return this.#header.length === 0 && this.#payloadLeft === 0n
  }

  pass(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#payloadLeft > 0n) {
        const step = Number(
          this.#payloadLeft < BigInt(chunk.length - at) ? this.#payloadLeft : BigInt(chunk.length - at),
        )
        this.#payloadLeft -= BigInt(step)
        at += step
        continue
      }
      this.#header.push(chunk[at] ?? 0)
      at += 1
      this.#endHeader()
    }
  }

  /** The header is whole: its payload is what is left of the frame. */
  #endHeader(): void {
    const second = this.#header[1]
    if (second === undefined) return
    const short = second & 0x7f
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0
    const mask = second & 0x80 ? 4 : 0
    if (this.#header.length < 2 + extended + mask) return
    const bytes = this.#header.slice(2, 2 + extended)
    this.#payloadLeft = extended === 0 ? BigInt(short) : bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
    this.#header = []
  }
}
