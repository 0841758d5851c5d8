import { describeWith } from '../components/require.ts'
import { targetContract } from '../contract/target.ts'
import { composeWorld } from './compose-world.ts'

describeWith('compose', 'with a real engine and compose', () => targetContract('compose', composeWorld))
