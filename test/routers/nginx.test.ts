import { describeWith } from '../components/require.ts'
import { routerContract } from '../contract/router.ts'
import { nginxWorld } from './nginx-world.ts'

describeWith('nginx', 'with a real nginx', () => routerContract('nginx', nginxWorld))
