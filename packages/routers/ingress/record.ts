import { z } from 'zod'
import { Failure, domainPattern, pathPattern } from '#kernel'
import { keptRecord } from '../kept-record.ts'

const routeSchema = z.object({
  domain: z.string().regex(domainPattern),
  /** Begins and ends with a slash. */
  path: z.string().max(256).regex(pathPattern),
  /** Where the app's own router answers for it, in the app's network. */
  port: z.int().min(1).max(65_535).default(8080),
})

/** What an app answers for, and where its router does. */
export type ClaimedRoute = z.infer<typeof routeSchema>

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/)

const claimSchema = z.object({
  app: name,
  environment: name,
  routes: z.array(routeSchema).min(1).max(100),
  /** How its domains have HTTPS, and seconds of HSTS; 0 for none. */
  tls: z.enum(['auto', 'files', 'off']),
  hsts: z.int().min(0).max(63_072_000),
  /** Where the app's own router is found: its network, and its address in it. */
  network: z.string().regex(/^switchyard-[a-z0-9-]{1,90}$/),
  router: z.string().regex(/^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$/),
  /** The ingress's own address there; the app's router believes what comes from it. */
  front: z.string().regex(/^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$/),
})

/** What one app of the host answers for, and where it is. */
export type Claim = z.infer<typeof claimSchema>

const recordSchema = z.object({
  /** The image as it was asked for, and what it was found to be. */
  asked: z.string(),
  image: z.string(),
  /** Where clients come in; the address is empty for all of the host's. */
  bind: z.string(),
  httpPort: z.int().min(1).max(65_535),
  httpsPort: z.int().min(1).max(65_535),
  /** Proxies before it that are believed about clients. */
  proxies: z
    .array(z.string().regex(/^[0-9a-fA-F.:/]{2,64}$/))
    .max(1000)
    .default([]),
  claims: z.array(claimSchema).max(1000),
  /** Domains whose certificate was seen to be there: only from then on plain HTTP is sent to HTTPS. */
  secured: z.array(z.string().regex(domainPattern)).max(10_000).default([]),
})

/** Who answers for what on this host. It is the truth: what runs is made to agree with it. */
export type IngressRecord = z.infer<typeof recordSchema>

export const recordPath = 'ingress.json'

export const { read: readRecord, keep: keepRecord } = keptRecord(recordPath, recordSchema)

/** @throws Failure INPUT_INVALID for a claim that cannot be put into a map */
export function checkedClaim(claim: Claim): Claim {
  const result = claimSchema.safeParse(claim)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const at = issue?.path.join('.') ?? ''
  throw new Failure('INPUT_INVALID', `the app cannot be routed: ${at}: ${issue?.message ?? ''}`, { field: 'routes' })
}
