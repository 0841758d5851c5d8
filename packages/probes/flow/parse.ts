import { basename } from 'node:path'
import { Failure, parseDuration } from '#kernel'
import type { z } from 'zod'
import { parseCapture } from './capture.ts'
import type { Capture } from './capture.ts'
import { parseExpected } from './expected.ts'
import type { ExpectedOf, Flow, FlowStep } from './flow.ts'
import { namesIn, soleName } from './placeholder.ts'
import { explained, flowSchema } from './schema.ts'
import type { stepSchema } from './schema.ts'

const limitBytes = 256 * 1024
const variableName = /^(?:secrets\.)?[A-Za-z_][\w.-]*$/
const longestTimeoutMs = 300_000

/** Headers that the connection itself makes. */
const ownHeaders = ['connection', 'content-length', 'cookie', 'transfer-encoding', 'upgrade', 'expect']

type Written = z.output<typeof stepSchema>

/**
 * Reads a flow: a YAML list of requests with what is expected and captured of their answers. At most 100 requests and
 * 256 KiB. `path` is how the file is called in messages.
 * @throws Failure FLOW_INVALID with all faults that were found, each with its line.
 */
export async function parseFlow(text: string, path: string): Promise<Flow> {
  const wrong = (faults: readonly string[], cause?: unknown) =>
    new Failure('FLOW_INVALID', faults.slice(0, 20).join('; '), {
      field: 'flow',
      hint: 'A flow is a list of requests, for example "- request: GET /health".',
      ...(cause === undefined ? {} : { cause }),
    })
  if (Buffer.byteLength(text) > limitBytes) throw wrong([`${path}: the file is larger than 256 KiB`])
  const { LineCounter, isNode, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, { uniqueKeys: true, version: '1.2', lineCounter: lines, prettyErrors: false })
  const at = (place: readonly PropertyKey[]): string => {
    const node = place.length === 0 ? document.contents : document.getIn(place, true)
    const offset = isNode(node) ? node.range?.[0] : undefined
    if (offset !== undefined) return `${path}:${lines.linePos(offset).line}`
    return place.length === 0 ? path : at(place.slice(0, -1))
  }
  const [problem] = document.errors
  if (problem !== undefined) throw wrong([`${path}:${lines.linePos(problem.pos[0]).line}: ${problem.message}`], problem)
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 200 })
  } catch (thrown) {
    throw wrong([`${path}: too many aliases`], thrown)
  }
  const parsed = flowSchema.safeParse(value)
  if (!parsed.success) throw wrong(parsed.error.issues.map((issue) => `${at(issue.path)}: ${explained(issue)}`))
  const faults: string[] = []
  const steps: FlowStep[] = []
  for (const [index, written] of parsed.data.entries()) {
    const line = Number(/:(\d+)$/.exec(at([index]))?.[1] ?? 1)
    steps.push(await stepOf(written, line, (what) => faults.push(`${path}:${line}: ${what}`)))
  }
  if (faults.length > 0) throw wrong(faults)
  return { name: basename(path).replace(/\.[^.]*$/, ''), path, text, steps }
}

async function stepOf(written: Written, line: number, fault: (what: string) => void): Promise<FlowStep> {
  const [, method = '', rawTarget = ''] = /^([A-Z]+)\s+(.*)$/su.exec(written.request) ?? []
  const target = rawTarget.trim()
  const bodies = (['json', 'form', 'body'] as const).filter((kind) => written[kind] !== undefined)
  if (bodies.length > 1) fault(`${bodies.join(' and ')}: a request has one body`)
  const [kind] = bodies
  const plain = target.replace(/\{\{[^{}]*\}\}/g, 'x')
  const isPlace = /^(?:\/|https?:\/\/)\S*$/.test(plain) && URL.canParse(plain, 'http://any')
  if (!isPlace && soleName(target) === null)
    fault(`request: "${target.slice(0, 60)}" is neither a path that begins with / nor an http or https URL`)
  const headers = headersOf(written, fault)
  const expect = await expectedOf(written, fault)
  const needs = [target, headers, kind && written[kind], written.expect].flatMap(namesIn)
  for (const name of needs.filter((each) => !variableName.test(each))) fault(`"{{${name}}}" is no name of a variable`)
  return {
    name: written.name ?? `${method} ${target}`,
    method,
    target,
    headers,
    body: kind === undefined ? null : { kind: kind === 'body' ? 'text' : kind, content: written[kind] },
    expect,
    captures: await capturesOf(written, fault),
    redirects: written.redirects,
    timeoutMs: written.timeout === undefined ? null : timeoutOf(written.timeout, fault),
    needs: [...new Set(needs)],
    line,
  }
}

function headersOf({ headers }: Written, fault: (what: string) => void): Record<string, string> {
  const named = Object.entries(headers).map(([name, value]) => [name.trim().toLowerCase(), String(value)] as const)
  for (const [name] of named) {
    // RFC 9110, 5.1: a field name is a token.
    if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name)) fault(`headers: "${name.slice(0, 60)}" is no name of a header`)
    if (ownHeaders.includes(name)) fault(`headers: ${name} is set by the connection itself`)
  }
  return Object.fromEntries(named)
}

async function expectedOf({ expect }: Written, fault: (what: string) => void): Promise<readonly ExpectedOf[]> {
  const found: ExpectedOf[] = []
  for (const text of [expect].flat()) {
    try {
      found.push(await parseExpected(text))
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown
      fault(`expect: ${thrown.message}`)
    }
  }
  return found
}

async function capturesOf({ capture }: Written, fault: (what: string) => void): Promise<readonly Capture[]> {
  const found: Capture[] = []
  for (const [name, text] of Object.entries(capture)) {
    try {
      found.push(await parseCapture(name, text))
    } catch (thrown) {
      fault(`capture.${name}: ${thrown instanceof Error ? thrown.message : 'it does not parse'}`)
    }
  }
  return found
}

function timeoutOf(text: string, fault: (what: string) => void): number | null {
  try {
    const timeoutMs = parseDuration(text, 'timeout')
    if (timeoutMs < 1 || timeoutMs > longestTimeoutMs) fault('timeout: from 1ms to 5m')
    return timeoutMs
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown
    fault(thrown.message)
    return null
  }
}
