import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export const project = join(import.meta.dirname, '..', '..')

/** The repository and ref that callers in tests name. */
export const published = { repository: 'acme/switchyard', at: 'acme/switchyard@v1' } as const

/** The two workflows that the README gives to copy, by the name of their file, as a team of `acme` would have them. */
export async function callersOfReadme(): Promise<Readonly<Record<'release.yml' | 'rollback.yml', string>>> {
  const readme = await readFile(join(project, 'README.md'), 'utf8')
  const blocks = [...readme.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block = '']) => block)
  return { 'release.yml': named('release'), 'rollback.yml': named('rollback') }

  function named(name: string): string {
    const block = blocks.find((text) => text.startsWith(`name: ${name}\n`))
    if (block === undefined) throw new Error(`the README has no workflow "${name}"`)
    return block.replaceAll('OWNER/switchyard', published.repository)
  }
}
