import { join } from 'node:path'
import { openEnvironment } from '#suite/open'
import { freePort } from '../components/free-port.ts'
import { buildHaproxy } from '../components/images.ts'
import { describeWith } from '../components/require.ts'
import { dockerPlace, shopRelease } from './docker-world.ts'
import { strategiesOn } from './strategies.ts'

describeWith('dockerd', 'with a real engine', () => {
  strategiesOn('docker', async () => {
    const place = await dockerPlace()
    const [image, port] = [await buildHaproxy({ host: place.engine.host }), await freePort()]
    const inputs = {
      ...{ app: place.app, environment: 'test', target: 'docker', router: '', 'router-image': image, hosts: [] },
      ...{ 'github-token': '', 'state-dir': join(place.folder, 'deployed'), listen: { address: '127.0.0.1', port } },
    }
    const words = ['ps', '--format={{.Label "switchyard.slot"}}', `--filter=label=switchyard.app=${place.app}`]
    return {
      folder: place.folder,
      front: `http://127.0.0.1:${port}`,
      open: (tell) => openEnvironment(inputs, tell),
      release: (version, wanted) => Promise.resolve(shopRelease(place, version, wanted)),
      running: async (service) =>
        (await place.docker(...words, `--filter=label=switchyard.service=${service}`, '--filter=status=running'))
          .split('\n')
          .filter((slot) => slot !== ''),
      close: place.close,
    }
  })
})
