import { freePort } from '../../components/free-port.ts'
import { composeProject } from './compose-project.ts'
import { took, type PeerKind } from './peer.ts'
import { lacking, pathOf, type Program } from './program.ts'
import type { RolloutFront } from './rollout-front.ts'

const program: Program = {
  variable: 'SWITCHYARD_PEER_DOCKER_ROLLOUT',
  source: 'git clone https://github.com/wowu/docker-rollout; its file docker-rollout is the program',
}

/** Both from its README, beside the interval of 5 s and the one retry of the health check. */
const drainedHealth = 'test ! -f /tmp/drain && '
const drainHook = ['--pre-stop-hook', 'touch /tmp/drain && sleep 10']

/** `docker rollout web` behind a proxy; with its drain hook, which works where the proxy heeds Docker's health checks. */
export function dockerRollout(front: RolloutFront, drains: boolean): PeerKind {
  return {
    name: `docker rollout${drains ? ' with its drain hook' : ''}, ${front.name} in front`,
    missing: () => lacking(program) ?? front.missing(),
    async open(site) {
      const project = await composeProject(drains ? 'rollout-drained' : 'rollout', site)
      const port = await freePort()
      const proxy = await front.service(port, project.folder, site)
      const test = `${drains ? drainedHealth : ''}wget -q -O /dev/null http://127.0.0.1:3000/health`
      const healthcheck = { test, interval: '5s', retries: 1 }
      const write = (image: string) => project.write({ web: { image, healthcheck, labels: front.labels }, proxy })
      return {
        front: `http://127.0.0.1:${port}`,
        async up({ image }) {
          await write(image)
          await project.compose('up', '--detach', '--wait')
        },
        async deploy({ image }) {
          await write(image)
          return took(() => project.plugin(pathOf(program), 'rollout', ...(drains ? drainHook : []), 'web'))
        },
        down: () => project.down(),
      }
    },
  }
}
