import type { Names } from '../../haproxy/names.ts'
import { ingressNames } from '../names.ts'

/** What takes TLS off is called, and told from everything else on the engine. It lives in the ingress's network. */
export const tlsNames: Names & { readonly volume: string } = {
  ...ingressNames,
  container: 'switchyard-tls',
  /** Certificates and the account with the authority; kept when the front goes, because authorities limit how many they give. */
  volume: 'switchyard-tls',
}

/** Below the state folder of the ingress; mounted as a folder. */
export const sharedFolder = 'tls'
export const certificatesFolder = `${sharedFolder}/certificates`
