import { readFileSync, realpathSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'

/** One import, `import()`, `require()` or re-export of a source file. */
export interface Import {
  /** The importing file, from the root. */
  readonly file: string
  readonly line: number
  /** As it is written; undefined where it is not a constant, so that nobody can say what is loaded. */
  readonly specifier: string | undefined
  /** The file it leads to, from the root; undefined for modules of node and npm, and where there is no such file. */
  readonly target: string | undefined
}

const options: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  allowImportingTsExtensions: true,
  resolveJsonModule: true,
  allowJs: true,
}

/** Parses a file with TypeScript. */
export function parse(root: string, file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest, true)
}

/** Every import of a file, with types or without, resolved to a file. */
export function importsOf(root: string, source: ts.SourceFile): readonly Import[] {
  const found: Import[] = []

  const add = (node: ts.Node, specifier: ts.Node | undefined) => {
    const text = specifier && ts.isStringLiteralLike(specifier) ? specifier.text : undefined
    const target = text === undefined ? undefined : resolveFile(root, source.fileName, text)
    found.push({ file: source.fileName, line: lineOf(source, node), specifier: text, target })
  }

  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier)
    else if (ts.isExportDeclaration(node) && node.moduleSpecifier) add(node, node.moduleSpecifier)
    else if (ts.isImportTypeNode(node))
      add(node, ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined)
    else if (ts.isCallExpression(node) && isLoading(node)) add(node, node.arguments[0])
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** The line of a node, counted from 1. */
export function lineOf(source: ts.SourceFile, node: ts.Node): number {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
}

function isLoading(call: ts.CallExpression): boolean {
  return (
    call.expression.kind === ts.SyntaxKind.ImportKeyword ||
    (ts.isIdentifier(call.expression) && call.expression.text === 'require')
  )
}

/** Asks TypeScript, so that names, relative paths and symbolic links are all followed as they are when the program is built. */
function resolveFile(root: string, file: string, specifier: string): string | undefined {
  const { resolvedModule } = ts.resolveModuleName(
    specifier,
    join(root, file),
    options,
    ts.sys,
    undefined,
    undefined,
    ts.ModuleKind.ESNext,
  )
  if (resolvedModule === undefined || resolvedModule.isExternalLibraryImport === true) return undefined
  return relative(realpathSync(root), resolvedModule.resolvedFileName)
}
