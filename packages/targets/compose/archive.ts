import { Failure } from '#kernel'
import type { ProjectFile } from './project.ts'

const block = 512

/**
 * The files as one tar (ustar, POSIX.1-1988), owned by whoever unpacks it, with no times. Folders are as a checkout has them: whom a
 * container runs as has to find what lies in them.
 * @throws Failure COMPOSE_UNSUPPORTED
 */
export function archive(files: readonly ProjectFile[]): Uint8Array {
  const folders = [...new Set(files.flatMap(({ path }) => foldersAbove(path)))].sort()
  const parts = files.flatMap(({ path, mode, bytes }) => [
    header(path, mode, bytes.byteLength, '0'),
    bytes,
    new Uint8Array((block - (bytes.byteLength % block)) % block),
  ])
  return Buffer.concat([...folders.map((path) => header(path, 0o755, 0, '5')), ...parts, new Uint8Array(2 * block)])
}

function foldersAbove(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1)
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'))
}

function header(path: string, mode: number, size: number, type: '0' | '5'): Uint8Array {
  const [prefix, name] = split(path)
  const bytes = Buffer.alloc(block)
  const put = (text: string, at: number, length: number) => bytes.write(text, at, length, 'utf8')
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0')
  put(name, 0, 100)
  put(octal(mode, 7), 100, 8)
  put(octal(0, 7), 108, 8)
  put(octal(0, 7), 116, 8)
  put(octal(size, 11), 124, 12)
  put(octal(0, 11), 136, 12)
  put(' '.repeat(8), 148, 8)
  put(type, 156, 1)
  put('ustar\u000000', 257, 8)
  put(prefix, 345, 155)
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  put(`${octal(sum, 6)}\0 `, 148, 8)
  return bytes
}

/** A name of up to 100 bytes, and the folders before it in up to 155. */
function split(path: string): readonly [prefix: string, name: string] {
  const size = (text: string) => Buffer.byteLength(text)
  if (size(path) <= 100) return ['', path]
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)]
    if (size(prefix) <= 155 && size(name) <= 100 && name !== '') return [prefix, name]
  }
  throw new Failure('COMPOSE_UNSUPPORTED', `the path ./${path} is too long to travel`, { field: 'compose-file' })
}
