// Bundled by esbuild and run by node: GitHub's packages import JSON in a way that plain Node refuses.
// Standard input: JSON {files: {NAME: text}, check: [NAME], actions: {"owner/repo/path": {inputs}}}; standard output: what is wrong.
import { text } from 'node:stream/consumers'
import { validate } from '@actions/languageservice'
import { NoOperationTraceWriter, convertWorkflowTemplate, parseWorkflow } from '@actions/workflow-parser'
import { TextDocument } from 'vscode-languageserver-textdocument'

interface Request {
  readonly files: Readonly<Record<string, string>>
  readonly check: readonly string[]
  readonly actions: Readonly<Record<string, { name: string; description: string }>>
}

const { files, check, actions } = JSON.parse(await text(process.stdin)) as Request

const fileProvider = {
  getFileContent: (reference: { path: string; owner?: string; repository?: string }) => {
    const path = reference.path.replace(/^(\$|\.)\//, '')
    const content = files[path]
    if (content === undefined) return Promise.reject(new Error(`no file ${JSON.stringify(reference)}`))
    return Promise.resolve({ name: path, content })
  },
}

const actionsMetadataProvider = {
  fetchActionMetadata: ({ owner, name, path }: { owner: string; name: string; path?: string }) =>
    Promise.resolve(actions[[owner, name, path].filter(Boolean).join('/')]),
}

const problems: string[] = []
for (const name of check) {
  const content = files[name] ?? ''
  const document = TextDocument.create(`file:///${name}`, 'yaml', 1, content)
  for (const { range, message } of await validate(document, { fileProvider, actionsMetadataProvider }))
    problems.push(`${name}:${range.start.line + 1}: ${message}`)
  if (!name.startsWith('.github/workflows/')) continue

  const { context, value } = parseWorkflow({ name, content }, new NoOperationTraceWriter())
  if (value !== undefined)
    await convertWorkflowTemplate(context, value, fileProvider, { fetchReusableWorkflowDepth: 4 })
  for (const { message } of context.errors.getErrors()) problems.push(`${name}: ${message}`)
}
process.stdout.write(JSON.stringify(problems))
