import { routerContract } from '../contract/router.ts'
import { embeddedWorld } from './embedded-world.ts'

routerContract('embedded', embeddedWorld)
