import { describeWith } from '../components/require.ts'
import { routerContract } from '../contract/router.ts'
import { haproxyWorld } from './haproxy-world.ts'

describeWith('dockerd', 'with a real engine', () => routerContract('haproxy', haproxyWorld, { hasFronts: true }))
