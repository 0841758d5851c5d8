import { freePort } from '../../components/free-port.ts'
import { composeProject } from './compose-project.ts'
import { took, type PeerKind } from './peer.ts'

/** The change as it is made without any tool: a new tag in the file, and compose recreates the container. */
export const composeUp: PeerKind = {
  name: 'docker compose up -d',
  missing: () => undefined,
  async open(site) {
    const project = await composeProject('compose-up', site)
    const port = await freePort()
    const start = async (image: string) => {
      await project.write({ web: { image, ports: [`127.0.0.1:${port}:3000`] } })
      await project.compose('up', '--detach')
    }
    return {
      front: `http://127.0.0.1:${port}`,
      up: ({ image }) => start(image),
      deploy: ({ image }) => took(() => start(image)),
      down: () => project.down(),
    }
  },
}
