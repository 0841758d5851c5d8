import { root } from '../root.ts'
import { run } from '../run.ts'
import type { Check } from './check.ts'
import { complaints, tool } from './files.ts'

/** TypeScript's own verdict on all sources and tests. */
export const types: Check = {
  name: 'types',
  run: async () => {
    const { code, output } = await run([...tool('typescript/bin/tsc'), '--noEmit', '--pretty', 'false'], { cwd: root })
    return complaints('tsc', code, output)
  },
}
