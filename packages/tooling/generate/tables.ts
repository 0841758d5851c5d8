import { failureCodes } from '#kernel'
import { fieldsOf, type ActionDefinition } from '../../suite/action.ts'
import { rootAction, type Definition } from './definitions.ts'

/** The table of an action's inputs. */
export function inputsTable(action: ActionDefinition): string {
  const rows = fieldsOf(action).map((field) => [
    `\`${field.name}\``,
    cell(field.description),
    field.required === true
      ? '**required**'
      : (field.fromRunner ?? field.default ?? '') === ''
        ? ''
        : code(field.fromRunner ?? field.default ?? ''),
  ])
  return table(['input', 'meaning', 'default'], rows)
}

/** The table of an action's outputs. */
export function outputsTable(action: ActionDefinition): string {
  return table(
    ['output', 'meaning'],
    Object.entries(action.outputs).map(([name, description]) => [`\`${name}\``, cell(description)]),
  )
}

/** The table of failure codes. */
export function failuresTable(): string {
  const whose = { user: 'yours', world: "the world's", ours: 'ours' }
  const rows = Object.entries(failureCodes).map(([code, { kind, meaning }]) => [`\`${code}\``, whose[kind], meaning])
  return table(['code', 'to mend', 'what happened'], rows)
}

/** The table of all actions, for the root README. */
export function actionsTable(definitions: readonly Definition[]): string {
  return table(
    ['action', 'what it does'],
    definitions.map(({ folder, action }) => [
      folder === rootAction ? '[this repository](docs/deliver.md)' : `[\`${folder}\`](actions/${folder}/README.md)`,
      cell(action.description),
    ]),
  )
}

/**
 * Puts a table between `<!-- NAME -->` and `<!-- /NAME -->`; a text without these marks stays as it is.
 *
 * @throws Error where a mark is opened and not closed
 */
export function between(text: string, name: string, content: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const start = text.indexOf(open)
  if (start < 0) return text
  const end = text.indexOf(close, start)
  if (end < 0) throw new Error(`${open} is not closed by ${close}`)
  const notice = '<!-- Generated: run npm run generate. -->'
  return `${text.slice(0, start)}${open}\n${notice}\n\n${content}\n\n${text.slice(end)}`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ')
}

function code(text: string): string {
  return `\`${cell(text)}\``
}
