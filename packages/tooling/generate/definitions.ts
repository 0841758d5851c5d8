import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ActionDefinition } from '../../suite/action.ts'
import { bundles } from '../bundles.ts'
import { root } from '../root.ts'

/** An action as its inputs.ts defines it, and the folder below actions/ it stands in. */
export interface Definition {
  readonly folder: string
  readonly action: ActionDefinition
}

/** The root action has its code in actions/deliver and its action.yml at the top. */
export const rootAction = 'deliver'

/** Reads every actions/<name>/inputs.ts. */
export async function readDefinitions(): Promise<readonly Definition[]> {
  const folders = bundles.filter(({ kind }) => kind === 'action').map(({ name }) => name)
  const found = folders.filter((folder) => existsSync(pathOf(folder)))
  return Promise.all(
    found.map(async (folder) => {
      const { action } = (await import(pathToFileURL(pathOf(folder)).href)) as { action: ActionDefinition }
      return { folder, action }
    }),
  )
}

function pathOf(folder: string): string {
  return join(root, 'actions', folder, 'inputs.ts')
}
