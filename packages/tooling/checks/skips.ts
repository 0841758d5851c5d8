import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../root.ts'
import type { Check } from './check.ts'

/** The list of suites that may be left out names only suites that exist and ask for a component. */
export const skips: Check = {
  name: 'skips',
  run: async () => {
    const list = JSON.parse(await readFile(join(root, 'test', 'allowed-skips.json'), 'utf8')) as Record<string, string>
    const problems = await Promise.all(
      Object.keys(list).map(async (file) => {
        const text = await readFile(join(root, file), 'utf8').catch(() => undefined)
        if (text === undefined) return `${file}: is in test/allowed-skips.json and does not exist`
        return /describeWith|describeTargets/.test(text)
          ? []
          : `${file}: is in test/allowed-skips.json and asks for no component`
      }),
    )
    return problems.flat()
  },
}
