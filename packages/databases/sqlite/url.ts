import { realpathSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { Failure } from '#kernel'

const wrong = (url: string, why: string) =>
  new Failure('INPUT_INVALID', `database-url "${url.slice(0, 200)}": ${why}`, {
    field: 'database-url',
    hint: 'Write sqlite:/absolute/path.db, or sqlite:path.db relative to the working directory.',
  })

/**
 * The absolute path of an SQLite URL. `sqlite://name` is refused: dbmate takes the name for a host and works on a nameless
 * temporary database (seen with 2.36.0).
 * @throws Failure INPUT_INVALID.
 */
export function sqlitePath(url: string, folder: string): string {
  const rest = url.replace(/^sqlite3?:/i, '')
  if (/^\/\/(?!\/)/.test(rest)) throw wrong(url, 'two slashes name a host, which SQLite does not have')
  if (/[?#]/.test(rest)) throw wrong(url, 'parameters are not supported')
  const path = decode(rest.replace(/^\/\/\//, '/'), url)
  if (path === '' || path === '/' || path.includes(':memory:') || path.includes('\0'))
    throw wrong(url, 'it names no file')
  if (/[%?]/.test(path)) throw wrong(url, 'a path with % or ? is another file for dbmate than for us')
  return real(isAbsolute(path) ? resolve(path) : resolve(folder, path))
}

/** One database has one lock, by whatever links it is reached. */
function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    try {
      return join(realpathSync(dirname(path)), basename(path))
    } catch {
      return path
    }
  }
}

/** The URL of an absolute path, as every tool understands it. */
export function sqliteUrl(path: string): string {
  return `sqlite:${path.split('/').map(encodeURIComponent).join('/')}`
}

function decode(text: string, url: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong(url, 'a % is not followed by two hexadecimal digits')
  }
}
