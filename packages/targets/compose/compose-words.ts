import type { Words } from '../docker/engine.ts'

/** Nothing of the host's environment decides what a project is, nor removes what another file of it has. */
export const composeEnv: Readonly<Record<string, string>> = {
  COMPOSE_PROFILES: '',
  COMPOSE_REMOVE_ORPHANS: '0',
  COMPOSE_IGNORE_ORPHANS: '1',
  COMPOSE_MENU: '0',
}

/** The words after `docker` for a command of compose on one file. `folder`: where relative paths would start; there are none. */
export function composeWords(project: string, file: string, folder: string, ...words: readonly string[]): Words {
  return [
    ...['compose', '--progress=quiet', `--project-name=${project}`, `--file=${file}`],
    `--project-directory=${folder}`,
    ...words,
  ]
}
