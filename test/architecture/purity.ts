import ts from 'typescript'
import { lineOf } from './imports.ts'

const impure = ['process', 'globalThis', 'Buffer', 'fetch', 'performance', 'crypto', 'console', 'require']
const timers = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'clearTimeout', 'clearInterval']
const impureMembers = ['Date.now', 'Math.random', 'AbortSignal.timeout']

/** Where a file uses a clock, randomness or the machine it runs on. */
export function findImpurities(source: ts.SourceFile): readonly string[] {
  return find(source, (node) => {
    if (ts.isPropertyAccessExpression(node) && impureMembers.includes(node.getText(source))) return node.getText(source)
    if (ts.isIdentifier(node) && [...impure, ...timers].includes(node.text) && isFree(node)) return node.text
    const isDate = (ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText(source) === 'Date'
    return isDate && (node.arguments ?? []).length === 0 ? node.getText(source) : undefined
  })
}

/** Where a file reads the environment: `process.env`, or `env` imported from node:process. */
export function findEnvironment(source: ts.SourceFile): readonly string[] {
  return find(source, (node) => {
    const [owner, member] = accessed(node)
    if (member === 'env' && owner === 'process') return 'process.env'
    return ts.isImportDeclaration(node) && /^node:process$|^process$/.test(specifierOf(node))
      ? 'node:process'
      : undefined
  })
}

function accessed(node: ts.Node): [owner?: string, member?: string] {
  if (ts.isPropertyAccessExpression(node)) return [node.expression.getText(), node.name.text]
  if (!ts.isElementAccessExpression(node) || !ts.isStringLiteralLike(node.argumentExpression)) return []
  return [node.expression.getText(), node.argumentExpression.text]
}

function specifierOf(node: ts.ImportDeclaration): string {
  return ts.isStringLiteral(node.moduleSpecifier) ? node.moduleSpecifier.text : ''
}

/** A name that stands for the global, and is not the name of a member, a property, a parameter or a type's field. */
function isFree(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node
  if (ts.isExportSpecifier(parent) || ts.isImportSpecifier(parent) || ts.isTypeReferenceNode(parent)) return false
  return !('name' in parent && parent.name === node)
}

function find(source: ts.SourceFile, look: (node: ts.Node) => string | undefined): readonly string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    const what = look(node)
    if (what !== undefined) found.push(`${source.fileName}:${lineOf(source, node)}: ${what}`)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}
