import type { Host, Router, Shell } from '#kernel'
import { embeddedRouter } from './embedded/embedded.ts'
import { haproxyRouter } from './haproxy/haproxy.ts'
import { nginxRouter } from './nginx/nginx.ts'
import type { Limits } from './limits.ts'

/** Where clients come in. */
export interface Listening {
  readonly address: string
  readonly port: number
}

/** A router's own network, its address there, and the one that is kept for a front of the host. */
export interface Reach {
  readonly network: string
  readonly router: string
  readonly front: string
  /** Ports at that address of the services that have one of their own. */
  readonly ports: Readonly<Record<string, number>>
}

/** What a router is made from. */
export interface RouterContext {
  readonly host: Host
  /** Commands on the machine this program runs on. */
  readonly runner: Shell
  readonly app: string
  readonly environment: string
  /** Address the front listens on, and its port. */
  readonly bind: string
  readonly listen: number
  /** Fronts of their own, by the names of the services that have one; for routers that can do it. */
  readonly listens?: Readonly<Record<string, Listening>>
  /** Does a front of the host send it its requests? Then that one alone is believed about clients. */
  readonly isBehind?: boolean
  /** What the app asks of it beside. */
  readonly limits?: Limits
  /** Image of a router that runs in a container; empty: the router's own default. */
  readonly image: string
  /**
   * Pulls an image as somebody who is logged in to its registry; null where the login is for another one. Absent where nobody gave a login.
   * @throws Failure REGISTRY_REFUSED
   */
  readonly pullLoggedIn?: (image: string) => Promise<{ readonly code: number; readonly stderr: string } | null>
  /** Are slots containers? Then the router makes the network they live in. */
  readonly isForContainers?: boolean
  /** Starts the resident program from its copy in the state folder: the words before its own arguments. */
  readonly resident: readonly [string, ...string[]]
}

/** One kind of router. Adding one is a file and a line here. */
export interface RouterEntry {
  readonly create: (context: RouterContext) => ManagedRouter
  /** Can several services of an app have a front each? */
  readonly hasFronts?: boolean
  /** Can it speak HTTP/2 to the app? */
  readonly speaksH2c?: boolean
}

/** A router that is ours to set up and take down. */
export interface ManagedRouter extends Router {
  /** Makes the router run; nothing is changed where it runs already. Gives what was done, for people. */
  setup(): Promise<readonly string[]>
  /** A look, before anything is changed: can its fronts be had, where it does not hold them already? @throws Failure PORT_IN_USE */
  refusePorts?(): Promise<void>
  /** Ends the router and removes what it left. */
  remove(): Promise<void>
  /** Where a front of the host finds it, for routers that one can stand before. A look. */
  reach?(): Promise<Reach>
}

export const routers: Readonly<Record<string, RouterEntry>> = {
  embedded: { create: embeddedRouter },
  haproxy: { create: haproxyRouter, hasFronts: true, speaksH2c: true },
  nginx: { create: nginxRouter },
}

export { ingressOf } from './ingress/ingress.ts'
export type { Ingress, IngressContext } from './ingress/ingress.ts'
export { ingressNames, stateFolder as ingressFolder } from './ingress/names.ts'
export type { Claim } from './ingress/record.ts'
export { tlsFront } from './ingress/tls/tls-front.ts'
export type { DomainStatus as TlsStatus, TlsFront } from './ingress/tls/tls-front.ts'
export type { Reach as TlsReach } from './ingress/tls/handshake.ts'
export { checkedCertificate } from './ingress/tls/own-certificate.ts'
export { refuseElsewhere } from './ingress/tls/points-here.ts'
export { portBlocks } from './kept-record.ts'
export { portsListenedTo } from './listened.ts'
export { limitsSchema } from './limits.ts'
export type { Limits } from './limits.ts'
