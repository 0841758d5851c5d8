import { root } from '../root.ts'
import { run } from '../run.ts'
import type { Check } from './check.ts'
import { complaints, tool } from './files.ts'

/** Prettier, over everything it understands. */
export const format: Check = {
  name: 'format',
  run: async () => {
    const { code, output } = await run([...tool('prettier/bin/prettier.cjs'), '--list-different', '.'], { cwd: root })
    return complaints('prettier', code, output).map(
      (line) => `${line}: is not formatted (npx prettier --write ${line})`,
    )
  },
}
