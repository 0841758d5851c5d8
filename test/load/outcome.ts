/** Why a request counts as lost: nobody answered it, or the router answered in the app's stead. */
export type LostReason = 'refused' | 'reset' | 'truncated' | 'timed out' | 'garbled' | '502' | '503' | '504'

export type RequestKind = 'get' | 'post' | 'slow' | 'socket'

/** What became of one request. Times are epoch milliseconds, latencies milliseconds from when it was due. */
export type Outcome =
  | {
      readonly kind: RequestKind
      readonly atMs: number
      readonly latencyMs: number
      readonly lost: LostReason
      readonly detail: string
    }
  | {
      readonly kind: RequestKind
      readonly atMs: number
      readonly latencyMs: number
      readonly status: number
      /** The `version` of the answer's body; `?` when it has none. */
      readonly version: string
    }

/** The kind of loss that an error of node:http or of a socket stands for. */
export function reasonOf(error: unknown, answerBegun: boolean): LostReason {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'TIMED_OUT') return 'timed out'
  if (code.startsWith('HPE_')) return 'garbled'
  if (answerBegun) return 'truncated'
  return code === 'ECONNREFUSED' ? 'refused' : 'reset'
}

/** 502, 503 and 504 are what a router says when it has lost a request. */
export function reasonOfStatus(status: number): LostReason | undefined {
  return status === 502 || status === 503 || status === 504 ? `${status}` : undefined
}
