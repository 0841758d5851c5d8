import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, normalize } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'

const schema = z.object({
  name: z.string(),
  inputs: z
    .record(z.string(), z.looseObject({ default: z.union([z.string(), z.number(), z.boolean()]).optional() }))
    .nullish(),
  runs: z.strictObject({
    using: z.literal('node24'),
    main: z.string(),
    pre: z.string().optional(),
    'pre-if': z.string().optional(),
    post: z.string().optional(),
    'post-if': z.string().optional(),
  }),
})

/** What the runner reads of an action.yml: its programs and the inputs with their defaults. */
export interface ActionMetadata {
  readonly name: string
  readonly folder: string
  readonly defaults: ReadonlyMap<string, string>
  readonly main: string
  readonly post?: string
}

/**
 * Reads the action in a folder. @throws Error when there is no action.yml, it is not a node24 action, or a program is missing
 */
export async function readMetadata(folder: string): Promise<ActionMetadata> {
  const { name, inputs, runs } = schema.parse(parse(await readFile(join(folder, 'action.yml'), 'utf8')))
  const program = (path: string) => {
    const file = normalize(join(folder, path))
    if (!existsSync(file)) throw new Error(`File not found: '${file}'`)
    return file
  }
  const defaults = Object.entries(inputs ?? {}).map(([key, input]) => [key, String(input.default ?? '')] as const)
  return {
    name,
    folder,
    defaults: new Map(defaults),
    main: program(runs.main),
    ...(runs.post === undefined ? {} : { post: program(runs.post) }),
  }
}
