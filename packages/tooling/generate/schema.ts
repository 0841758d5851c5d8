import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { root } from '../root.ts'

/** The JSON Schema of the configuration file, for editors; undefined while there is no packages/suite/config.ts. */
export async function configJsonSchema(): Promise<string | undefined> {
  const path = join(root, 'packages', 'suite', 'config.ts')
  if (!existsSync(path)) return undefined
  const { configSchema } = (await import(pathToFileURL(path).href)) as { configSchema: z.ZodType }
  const schema = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' })
  const notice = { $comment: 'Generated from packages/suite/config.ts; edit that file and run npm run generate.' }
  const content = JSON.stringify({ ...notice, title: '.github/switchyard.yml', ...schema }, null, 2)
  return `${content.replace(/^\{\s+/, '{ ')}\n`
}
