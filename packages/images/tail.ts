/** Keeps the end of a stream of bytes, however long it is. */
export class Tail {
  readonly #limit: number
  #chunks: Buffer[] = []
  #bytes = 0
  isCut = false

  constructor(limitBytes: number) {
    this.#limit = limitBytes
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    while (this.#bytes - (this.#chunks[0]?.length ?? 0) >= this.#limit) {
      this.#bytes -= this.#chunks.shift()?.length ?? 0
      this.isCut = true
    }
  }

  text(): string {
    const all = Buffer.concat(this.#chunks)
    if (all.length > this.#limit) this.isCut = true
    return all.subarray(-this.#limit).toString('utf8')
  }
}
