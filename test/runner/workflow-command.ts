/** A line such as `::error file=a.ts,line=3::message`, unescaped. */
export interface WorkflowCommand {
  readonly name: string
  readonly properties: Readonly<Record<string, string>>
  readonly message: string
}

/** The workflow command of a log line, if it is one. */
export function parseWorkflowCommand(line: string): WorkflowCommand | undefined {
  const match = /^\s*::([^\s:]+)(?: +([^:]*))?::(.*)$/s.exec(line)
  if (!match) return undefined
  const [, name = '', properties = '', message = ''] = match
  const pairs = properties.split(',').flatMap((pair) => {
    const equals = pair.indexOf('=')
    return equals > 0 ? [[pair.slice(0, equals).trim(), unescapeProperty(pair.slice(equals + 1))] as const] : []
  })
  return { name: name.toLowerCase(), properties: Object.fromEntries(pairs), message: unescapeMessage(message) }
}

function unescapeMessage(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%')
}

function unescapeProperty(text: string): string {
  return unescapeMessage(text.replaceAll('%3A', ':').replaceAll('%2C', ','))
}
