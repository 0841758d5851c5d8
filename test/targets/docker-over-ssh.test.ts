import { loopbackWay } from '../components/loopback-way.ts'
import { describeWith } from '../components/require.ts'
import { targetContract } from '../contract/target.ts'
import { dockerWorld } from './docker-world.ts'

describeWith('remote-host', 'with a real engine and a real SSH server', () =>
  targetContract('docker over SSH', () => dockerWorld(loopbackWay)),
)
