import { join } from 'node:path'
import { root } from '../root.ts'
import { run } from '../run.ts'
import type { Check } from './check.ts'
import { complaints } from './files.ts'

/** The generated files are what their sources say. */
export const generatedFiles: Check = {
  name: 'generated',
  run: async () => {
    const program = join(root, 'packages', 'tooling', 'generate.ts')
    const { code, output } = await run([process.execPath, program, '--check'], { cwd: root })
    return complaints('generate --check', code, output)
  },
}
