import { docker } from '../../components/docker.ts'
import { freePort } from '../../components/free-port.ts'
import { took, type PeerKind, type Version } from './peer.ts'
import { imageWith, lacking, type Program } from './program.ts'

const program: Program = {
  variable: 'SWITCHYARD_PEER_KAMAL_PROXY',
  source:
    'git clone https://github.com/basecamp/kamal-proxy && cd kamal-proxy && CGO_ENABLED=0 go build ./cmd/kamal-proxy',
}

const name = 'switchyard-bench-kamal'
const label = `--label=${name}`

/** What Kamal 2 gives to `kamal-proxy deploy` when a project says no more than where its health is. */
const options = [
  ...['--deploy-timeout=30s', '--drain-timeout=30s', '--health-check-path=/health'],
  ...['--buffer-requests', '--buffer-responses'],
]

/** The commands that Kamal 2 runs on a host for one app: a container, `kamal-proxy deploy`, and the old container's stop. */
export const kamalProxy: PeerKind = {
  name: 'kamal-proxy deploy, with the commands that Kamal runs around it',
  missing: () => lacking(program),
  async open(site) {
    const { host } = site
    const engine = (...words: readonly string[]) => docker(words, { host, timeoutMs: 120_000 })
    const image = await imageWith(program, 'kamal-proxy', site)
    const port = await freePort()
    let running: string | undefined
    const boot = async (next: Version) => {
      const container = await engine(
        'run',
        '--detach',
        label,
        '--restart=unless-stopped',
        `--network=${name}`,
        next.image,
      )
      const target = `--target=${container.slice(0, 12)}:3000`
      await engine('exec', name, 'kamal-proxy', 'deploy', 'shop-web', target, ...options)
      if (running !== undefined) await engine('stop', running)
      running = container
    }
    return {
      front: `http://127.0.0.1:${port}`,
      async up(first) {
        await engine('network', 'create', label, name)
        const place = [`--name=${name}`, `--network=${name}`, `--publish=127.0.0.1:${port}:80`]
        await engine('run', '--detach', label, ...place, image, 'kamal-proxy', 'run')
        await boot(first)
      },
      deploy: (next) => took(() => boot(next)),
      // `kamal rollback VERSION` boots that version's image anew.
      rollback: boot,
      async down() {
        const containers = await engine('ps', '--all', '--quiet', `--filter=label=${name}`)
        if (containers !== '') await engine('rm', '--force', ...containers.split('\n'))
        const networks = await engine('network', 'ls', '--quiet', `--filter=label=${name}`)
        if (networks !== '') await engine('network', 'rm', ...networks.split('\n'))
      },
    }
  },
}
