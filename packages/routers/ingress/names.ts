import type { Names } from '../haproxy/names.ts'

/**
 * What the host's front is called. Docker gives a container with several networks the default route of the one whose name sorts first:
 * the second dash sorts before every app's network, so that an app that comes or goes never moves the route that clients' answers take.
 */
export const ingressNames: Names = {
  app: 'ingress',
  environment: 'all',
  network: 'switchyard--ingress',
  container: 'switchyard-ingress',
  labels: (role) => [
    '--label=switchyard.app=ingress',
    '--label=switchyard.environment=all',
    `--label=switchyard.role=${role}`,
  ],
}

/** Places in the ingress's own network; HAProxy has .2 as every router. */
export const tlsPlace = 3

/** Below the state root of a host. */
export const stateFolder = 'ingress'
