import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { z } from 'zod'
import { root } from '../root.ts'
import { run } from '../run.ts'
import type { Check } from './check.ts'
import { complaints, tool } from './files.ts'

const reportSchema = z.array(
  z.object({
    filePath: z.string(),
    messages: z.array(
      z.object({
        line: z.int().default(1),
        column: z.int().default(1),
        message: z.string(),
        ruleId: z.string().nullable(),
      }),
    ),
  }),
)

/** ESLint, with types. */
export const lint: Check = {
  name: 'lint',
  run: async () => {
    const folders = ['packages', 'actions', 'test'].filter((folder) => existsSync(join(root, folder)))
    const argv = [...tool('eslint/bin/eslint.js'), '--max-warnings', '0', '--format', 'json', ...folders] as const
    const { code, output } = await run([...argv], { cwd: root })
    return code === 1 ? readReport(output) : complaints('eslint', code, output)
  },
}

function readReport(output: string): readonly string[] {
  const start = output.indexOf('[{')
  return reportSchema
    .parse(JSON.parse(output.slice(start, output.lastIndexOf(']') + 1)))
    .flatMap(({ filePath, messages }) =>
      messages.map(
        ({ line, column, message, ruleId }) =>
          `${relative(root, filePath)}:${line}:${column}: ${message}${ruleId === null ? '' : ` (${ruleId})`}`,
      ),
    )
}
