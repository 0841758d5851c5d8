import { describeWith } from '../components/require.ts'
import { targetContract } from '../contract/target.ts'
import { dockerWorld } from './docker-world.ts'

describeWith('dockerd', 'with a real engine', () => targetContract('docker', dockerWorld))
