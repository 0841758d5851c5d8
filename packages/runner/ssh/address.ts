import { Failure } from '#kernel'

/** Where a host is reached. */
export interface SshAddress {
  readonly user: string
  /** A name or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

const shape =
  /^(?:ssh:\/\/)?([A-Za-z_][A-Za-z0-9._-]{0,63})@(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9][A-Za-z0-9.-]{0,252}))(?::([0-9]{1,5}))?\/?$/

/**
 * `user@host[:port]`, also with `ssh://` before it; IPv6 in brackets. Nothing in it can be taken for an option.
 * @throws Failure INPUT_INVALID
 */
export function parseSshAddress(text: string): SshAddress {
  const [found, user = '', six, name, port = '22'] = shape.exec(text.trim()) ?? []
  const host = six ?? name ?? ''
  if (found !== undefined && Number(port) >= 1 && Number(port) <= 65_535) return { user, host, port: Number(port) }
  throw new Failure('INPUT_INVALID', `hosts: ${JSON.stringify(text.slice(0, 200))} is not user@host[:port]`, {
    field: 'hosts',
    hint: 'Write deploy@web1.example.com, deploy@10.0.0.7:2222 or deploy@[2001:db8::7]:22.',
  })
}

/** As people write it; the port only where it is another than 22. */
export function shownAddress({ user, host, port }: SshAddress): string {
  const name = host.includes(':') ? `[${host}]` : host
  return `${user}@${name}${port === 22 ? '' : `:${port}`}`
}
