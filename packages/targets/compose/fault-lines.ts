import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { Failure } from '#kernel'
import type { Fault } from './faults.ts'

const most = 10

/** All that is wrong with the file in one failure, each fault with the line it stands on where that can be told. */
export async function unsupported(faults: readonly Fault[], sources: readonly string[]): Promise<Failure> {
  const find = await linesOf(sources)
  const shown = faults.slice(0, most).map((fault) => `${find(fault)}service ${fault.service}: ${fault.what}`)
  const more = faults.length > most ? [`and ${faults.length - most} more`] : []
  return new Failure('COMPOSE_UNSUPPORTED', [...shown, ...more].join('; '), {
    field: 'compose-file',
    hint: [...new Set(faults.map(({ fix }) => fix))].slice(0, most).join(' '),
  })
}

/** The last file that has the key: it wins. What comes from an anchor or another file has no line here. */
async function linesOf(sources: readonly string[]): Promise<(fault: Fault) => string> {
  const { LineCounter, parseDocument, isNode } = await import('yaml')
  const texts = await Promise.all(sources.map((path) => readFile(path, 'utf8').catch(() => null)))
  const read = texts.flatMap((text, at) => {
    if (text === null) return []
    const lines = new LineCounter()
    return [{ path: basename(sources[at] ?? ''), lines, document: parseDocument(text, { lineCounter: lines }) }]
  })
  return ({ service, key }) => {
    for (const { path, lines, document } of read.toReversed()) {
      const node = document.getIn(['services', service, key], true)
      if (isNode(node) && node.range) return `${path}:${lines.linePos(node.range[0]).line}: `
    }
    return ''
  }
}
