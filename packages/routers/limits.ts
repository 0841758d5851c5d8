import { z } from 'zod'

/** What an app asks of whatever its requests pass. What is left out is the router's own default. */
export const limitsSchema = z.object({
  /** Bytes of a request's body; 0: as many as a client likes. */
  maxBodyBytes: z.int().min(0).exactOptional(),
  /** How long the app may be silent, before its answer and within it. WebSockets have an hour. */
  requestTimeoutMs: z.int().min(1).max(86_400_000).exactOptional(),
})

export type Limits = Readonly<z.output<typeof limitsSchema>>

/** Whether a body is too large is for the app to know: a proxy that guesses breaks the upload of the day that nobody tried. */
export const defaultMaxBodyBytes = 0

/** As long as a WebSocket may be silent: a server-sent event that comes late is no fault. A hung app is found by its health path. */
export const defaultRequestTimeoutMs = 3_600_000

/** With the defaults in the place of what was left out. */
export function limitsOf({ maxBodyBytes, requestTimeoutMs }: Limits = {}): Required<Limits> {
  return {
    maxBodyBytes: maxBodyBytes ?? defaultMaxBodyBytes,
    requestTimeoutMs: requestTimeoutMs ?? defaultRequestTimeoutMs,
  }
}

export const tooLarge = 'the body is larger than this app takes'
export const noLength = 'this app wants to know the length of a body beforehand'
