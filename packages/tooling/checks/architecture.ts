import { join } from 'node:path'
import { root } from '../root.ts'
import { run } from '../run.ts'
import type { Check } from './check.ts'
import { complaints } from './files.ts'

/** The architecture test: the star rule, the purity of the kernel, sizes and names. */
export const architecture: Check = {
  name: 'architecture',
  run: async () => {
    const program = join(root, 'packages', 'tooling', 'test.ts')
    const { code, output } = await run([process.execPath, program, 'test/architecture', '--silent'], { cwd: root })
    return complaints('jest', code, output)
  },
}
