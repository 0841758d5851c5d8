import { Failure } from '#kernel'

/** Where an image goes. */
export interface ImageName {
  /** As it was given. */
  readonly text: string
  /** What `docker login` is told; null: Docker Hub, which has no name of its own there. */
  readonly registry: string | null
}

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const host =
  '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]{1,5})?'
const grammar = new RegExp(`^(?:(?<host>${host})/)?(?<path>${component}(?:/${component})*)$`)

/**
 * The name of an image without tag and digest (grammar: github.com/distribution/reference).
 * @throws Failure INPUT_INVALID, field `image`
 */
export function readImageName(text: string): ImageName {
  if (text.length > 255) throw wrong(text.slice(0, 60), 'it is longer than 255 characters')
  if (text.includes('@')) throw wrong(text, 'it holds a digest')
  if (/:[^/]*$/.test(text)) throw wrong(text, 'it holds a tag, or no path')
  if (!grammar.test(text)) throw wrong(text, 'it is no image name (lower-case letters, digits, . _ - between slashes)')
  const [first = '', ...rest] = text.split('/')
  if (rest.length === 0) throw wrong(text, 'it has no owner or registry, so it cannot be pushed')
  const isHost = first.includes('.') || first.includes(':') || first === 'localhost'
  return { text, registry: isHost && !['docker.io', 'index.docker.io'].includes(first) ? first : null }
}

function wrong(text: string, why: string): Failure {
  return new Failure('INPUT_INVALID', `image: ${JSON.stringify(text)} cannot be used: ${why}`, {
    field: 'image',
    hint: 'Write the name without tag, for example ghcr.io/acme/shop; leave it empty to keep the image on this machine.',
  })
}
