import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { root } from '../root.ts'
import { actionYml } from './action-yml.ts'
import { readDefinitions, rootAction, type Definition } from './definitions.ts'
import { configJsonSchema } from './schema.ts'
import { actionsTable, between, failuresTable, inputsTable, outputsTable } from './tables.ts'

/** Every generated file, by its path from the root, as it must be. */
export async function generated(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  const definitions = await readDefinitions()

  for (const definition of definitions) {
    const isRoot = definition.folder === rootAction
    const folder = isRoot ? '' : `actions/${definition.folder}/`
    await put(files, `${folder}action.yml`, actionYml(definition))
    if (!isRoot) await put(files, `${folder}README.md`, withTables(await readme(definition), definition))
  }

  const top = await readFile(join(root, 'README.md'), 'utf8').catch(() => undefined)
  if (top !== undefined) await put(files, 'README.md', rootReadme(top, definitions))

  const deliver = definitions.find(({ folder }) => folder === rootAction)
  const page = await readFile(join(root, 'docs/deliver.md'), 'utf8').catch(() => undefined)
  if (deliver !== undefined && page !== undefined) await put(files, 'docs/deliver.md', withTables(page, deliver))
  const failures = await readFile(join(root, 'docs/failures.md'), 'utf8').catch(() => undefined)
  if (failures !== undefined) await put(files, 'docs/failures.md', between(failures, 'codes', failuresTable()))

  const schema = await configJsonSchema()
  if (schema !== undefined) files.set('schema/switchyard.schema.json', schema)
  return files
}

function rootReadme(text: string, definitions: readonly Definition[]): string {
  return between(text, 'actions', actionsTable(definitions))
}

function withTables(text: string, { action }: Definition): string {
  return between(between(text, 'inputs', inputsTable(action)), 'outputs', outputsTable(action))
}

/** The page of an action as somebody wrote it, or a first one. */
async function readme({ folder, action }: Definition): Promise<string> {
  const written = await readFile(join(root, 'actions', folder, 'README.md'), 'utf8').catch(() => undefined)
  const tables = ['inputs', 'outputs'].map((name) => `<!-- ${name} -->\n<!-- /${name} -->`)
  return written ?? [`# ${folder}`, action.description, '## Inputs', tables[0], '## Outputs', tables[1]].join('\n\n')
}

/** Generated text is formatted like all other text, so that one formatter can check everything. */
async function put(files: Map<string, string>, file: string, content: string): Promise<void> {
  const filepath = join(root, file)
  files.set(file, await format(content, { ...(await resolveConfig(filepath)), filepath }))
}
