// node packages/tooling/portable-workflows.ts OWNER/REPOSITORY@REF [FOLDER]: the reusable workflows for GitHub Enterprise Server,
// Gitea and act, which know neither `$/…` nor `queue`. They are rewritten in place, or written below FOLDER/.github/workflows.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './root.ts'

/** The workflows that other repositories call. */
export const reusableWorkflows = ['.github/workflows/deploy.yml', '.github/workflows/rollback.yml']

/**
 * A workflow that names this repository's actions as `OWNER/REPOSITORY/actions/NAME@REF`. `queue: max` becomes what every server
 * knows: a run that waits is then dropped for a newer one that waits.
 *
 * @throws Error where `at` is not OWNER/REPOSITORY@REF
 */
export function portable(workflow: string, at: string): string {
  const [, repository, ref] = /^([\w.-]+\/[\w.-]+)@([\w./-]+)$/.exec(at) ?? []
  if (repository === undefined || ref === undefined) throw new Error(`"${at}" is not OWNER/REPOSITORY@REF`)
  return workflow
    .replaceAll(/^(\s*(?:- )?uses: )\$\/(\S+)/gm, `$1${repository}/$2@${ref}`)
    .replaceAll(/^(\s*)queue: max$/gm, '$1cancel-in-progress: false')
}

/** Writes the generated form of every reusable workflow below a folder. */
export function writePortable(at: string, folder: string): void {
  for (const file of reusableWorkflows) {
    const path = join(folder, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, portable(readFileSync(join(root, file), 'utf8'), at))
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [at = '', folder = root] = process.argv.slice(2)
  try {
    writePortable(at, folder)
  } catch (thrown) {
    console.error(`${String(thrown)}\nusage: node packages/tooling/portable-workflows.ts OWNER/REPOSITORY@REF [FOLDER]`)
    process.exitCode = 1
  }
}
