import { loopbackWay } from '../components/loopback-way.ts'
import { describeWith } from '../components/require.ts'
import { routerContract } from '../contract/router.ts'
import { haproxyWorld } from './haproxy-world.ts'

describeWith('remote-host', 'with a real engine and a real SSH server', () =>
  routerContract('haproxy over SSH', () => haproxyWorld(loopbackWay)),
)
