import type { Endpoint } from '#kernel'
import { haproxyRouter } from '../../packages/routers/haproxy/haproxy.ts'
import type { RouterContext } from '../../packages/routers/index.ts'
import { freePort } from '../components/free-port.ts'
import { buildHaproxy } from '../components/images.ts'
import type { RouterWorld } from '../contract/router.ts'
import { dockerPlace, shopRelease } from '../targets/docker-world.ts'
import type { DockerPlace, Way } from '../targets/docker-world.ts'
import { startEngine } from '../components/engine.ts'

export interface HaproxyWorld extends RouterWorld {
  readonly place: DockerPlace
  readonly context: RouterContext
  /** Ends an instance with its address: nothing refuses, nothing answers. */
  vanish(endpoint: Endpoint): Promise<void>
}

/** Router haproxy on an engine, and shops as plain containers at addresses of the test's own choice. */
export async function haproxyWorld(way?: Way): Promise<HaproxyWorld> {
  const place = await dockerPlace(startEngine, way)
  const context = await routerContext(place)
  const router = haproxyRouter(context)
  const network = `switchyard-${place.app}-test`
  const containers = new Map<string, string>()
  let taken = 15

  const startShop = async (version: string) => {
    const subnet = await place.docker('network', 'inspect', '--format={{(index .IPAM.Config 0).Subnet}}', network)
    taken += 1
    const address = subnet.replace(/\.[0-9]+\/[0-9]+$/, `.${taken}`)
    const labels = [`--label=switchyard.app=${place.app}`]
    // The shop can die and leave its address behind, which then refuses; `docker kill` takes the address away with it.
    const words = ['--entrypoint=sh', place.shop, '-c', 'node server.mjs; sleep 600']
    const id = await place.docker(
      'run',
      '--detach',
      ...labels,
      `--network=${network}`,
      `--ip=${address}`,
      `--env=VERSION=${version}`,
      ...words,
    )
    containers.set(`${address}:3000`, id)
    await place.docker('exec', id, 'sh', '-c', 'until wget -qO- 127.0.0.1:3000/health; do usleep 20000; done')
    return `${address}:3000`
  }
  return {
    place,
    context,
    router,
    async app(version, instances) {
      const endpoints: Endpoint[] = []
      for (let instance = 0; instance < instances; instance += 1) {
        endpoints.push({ service: 'web', instance, address: await startShop(version) })
      }
      return { release: shopRelease(place, version, { instances }), endpoints }
    },
    async kill({ address }) {
      // A process that was killed takes connections until the kernel has taken down its memory.
      const killed = 'killall -9 node; while wget -qO- 127.0.0.1:3000/health; do usleep 10000; done'
      await place.docker('exec', containers.get(address) ?? '', 'sh', '-c', killed)
    },
    async vanish({ address }) {
      await place.docker('kill', containers.get(address) ?? '')
    },
    async fronted(service) {
      const port = await freePort()
      const listens = { [service]: { address: '127.0.0.1', port } }
      return { port, router: haproxyRouter({ ...context, listens }) }
    },
    async crash() {
      await place.docker('kill', `${network}-router`)
    },
    close: place.close,
  }
}

export async function routerContext({ host, runner, app, engine }: DockerPlace): Promise<RouterContext> {
  const image = await buildHaproxy({ host: engine.host })
  return {
    host,
    runner,
    app,
    environment: 'test',
    bind: '127.0.0.1',
    listen: await freePort(),
    image,
    resident: ['false'],
  }
}
