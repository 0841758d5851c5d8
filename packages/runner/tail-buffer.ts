/** The last bytes of a stream, so that a command that prints without end costs bounded memory. */
export class TailBuffer {
  readonly #limitBytes: number
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    // Only now and then, so that many small chunks stay cheap.
    if (this.#bytes > 2 * this.#limitBytes) this.#cut()
  }

  /** As UTF-8; a character that was cut in two at the start is left out. */
  text(): string {
    this.#cut()
    const bytes = Buffer.concat(this.#chunks)
    const isContinuation = (at: number) => ((bytes[at] ?? 0) & 0xc0) === 0x80
    let start = 0
    while (bytes.length === this.#limitBytes && start < 3 && isContinuation(start)) start += 1
    return bytes.toString('utf8', start)
  }

  #cut(): void {
    if (this.#bytes <= this.#limitBytes) return
    const kept = Buffer.concat(this.#chunks).subarray(-this.#limitBytes)
    this.#chunks = [kept]
    this.#bytes = kept.length
  }
}
