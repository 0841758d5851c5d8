import { imageWith, lacking, type Program } from './program.ts'
import type { RolloutFront } from './rollout-front.ts'

const program: Program = {
  variable: 'SWITCHYARD_PEER_TRAEFIK',
  source: 'git clone https://github.com/traefik/traefik && cd traefik && CGO_ENABLED=0 go build ./cmd/traefik',
}

/** Traefik as the examples of docker-rollout have it: it follows the engine's events and leaves out what is not healthy. */
export const traefikFront: RolloutFront = {
  name: 'Traefik',
  missing: () => lacking(program),
  labels: {
    'traefik.enable': 'true',
    'traefik.http.routers.web.entrypoints': 'web',
    'traefik.http.routers.web.rule': 'PathPrefix(`/`)',
    'traefik.http.services.web.loadbalancer.server.port': '3000',
  },
  async service(port, _folder, site) {
    return {
      image: await imageWith(program, 'traefik', site),
      command: [
        'traefik',
        '--providers.docker=true',
        '--providers.docker.exposedbydefault=false',
        '--entrypoints.web.address=:80',
      ],
      ports: [`127.0.0.1:${port}:80`],
      volumes: [`${site.host.replace('unix://', '')}:/var/run/docker.sock:ro`],
    }
  },
}
