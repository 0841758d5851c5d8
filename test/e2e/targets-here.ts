import { describe } from '@jest/globals'
import { targets as registry } from '#targets'
import { describeWith } from '../components/require.ts'
import { targets, type TargetName } from '../demo/targets.ts'

/** One suite for every target that the project has; the ones that need a component are left out, and named, without it. */
export function describeTargets(name: string, suite: (target: TargetName) => void): void {
  for (const target of targets.filter((each) => Object.hasOwn(registry, each))) {
    const title = `${name}, target ${target}`
    if (target === 'process') describe(title, () => suite(target))
    else describeWith(target, title, () => suite(target))
  }
}
