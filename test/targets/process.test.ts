import { targetContract } from '../contract/target.ts'
import { processWorld } from './process-world.ts'

targetContract('process', processWorld)
