import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildHaproxy, imageNames } from '../../components/images.ts'
import type { RolloutFront } from './rollout-front.ts'

/**
 * HAProxy that asks Docker's DNS for the containers of `web` five times a second and each of them for its health ten times. What it
 * cannot connect to is tried at another one. It does not see what Docker thinks of a container's health.
 */
const configuration = `global
  maxconn 4000
resolvers docker
  nameserver embedded 127.0.0.11:53
  resolve_retries 1
  timeout resolve 200ms
  timeout retry 200ms
  hold valid 200ms
  hold nx 200ms
  hold obsolete 0s
defaults
  mode http
  option redispatch 1
  retries 3
  timeout connect 1s
  timeout client 75s
  timeout server 60s
  timeout check 2s
  default-server check inter 100ms fall 3 rise 1 resolvers docker resolve-prefer ipv4 init-addr none
frontend front
  bind :8080
  default_backend web
backend web
  option httpchk GET /health
  server-template web 4 web:3000
`

export const haproxyFront: RolloutFront = {
  name: 'HAProxy that follows DNS',
  missing: () =>
    existsSync('/usr/sbin/haproxy') ? undefined : 'no /usr/sbin/haproxy; to get it: apt-get install haproxy',
  labels: {},
  async service(port, folder, { host }) {
    await buildHaproxy({ host })
    const file = join(folder, 'haproxy.cfg')
    await writeFile(file, configuration, { mode: 0o644 })
    return {
      image: imageNames.haproxy,
      ports: [`127.0.0.1:${port}:8080`],
      volumes: [`${file}:/usr/local/etc/haproxy/haproxy.cfg:ro`],
    }
  },
}
