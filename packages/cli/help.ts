import { fieldsOf } from '#suite'
import { commands } from './commands.ts'
import type { Definition } from './commands.ts'

/** What there is to say. */
export function overview(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length))
  return [
    'usage: switchyard COMMAND [--input VALUE …]',
    '',
    ...Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'switchyard COMMAND --help lists its inputs; they have the names they have in a workflow.',
    '--json prints the outputs as JSON. Secrets are better given in the environment: INPUT_SECRETS, INPUT_REGISTRY_PASSWORD, …',
    '',
  ].join('\n')
}

/** The inputs of one command. */
export function helpOf(name: string, definition: Definition): string {
  const summary = commands[name]?.summary ?? ''
  const fields = fieldsOf(definition).filter((field) => commands[name]?.fixed?.[field.name] === undefined)
  return [
    `switchyard ${name}: ${summary}`,
    '',
    ...fields.flatMap((field) => [
      `  --${field.name}${field.required === true ? ' (required)' : field.default === undefined ? '' : ` (${field.default})`}`,
      `      ${field.description}`,
    ]),
    '',
  ].join('\n')
}
