import { Failure } from '#kernel'
import type { FailureCode } from '#kernel'
import { shownAddress } from './address.ts'
import type { SshAddress } from './address.ts'

interface Fault {
  readonly words: RegExp
  readonly code: FailureCode
  readonly what: string
  readonly field: string
  readonly hint: (address: SshAddress) => string
}

const scan = ({ host, port }: SshAddress) => `ssh-keyscan ${port === 22 ? '' : `-p ${port} `}${host}`

/** What OpenSSH's client says on standard error when it gets no connection; the first that fits. */
const faults: readonly Fault[] = [
  {
    words: /REMOTE HOST IDENTIFICATION HAS CHANGED|REVOKED HOST KEY|has changed and you have requested strict/,
    code: 'HOST_KEY_CHANGED',
    what: 'the host shows another key than known-hosts names',
    field: 'known-hosts',
    hint: (address) =>
      `Was the machine set up anew? Compare with ${scan(address)}, over a path you trust, and put the new lines into known-hosts. If it was not, somebody may stand in between.`,
  },
  {
    words: /host key is known for|Host key verification failed|no matching host key/i,
    code: 'HOST_KEY_UNKNOWN',
    what: 'known-hosts has no key of this host',
    field: 'known-hosts',
    hint: (address) => `Add what ${scan(address)} prints to known-hosts, after comparing it over a path you trust.`,
  },
  {
    words: /Permission denied|Too many authentication failures|No supported authentication methods/i,
    code: 'HOST_REFUSED',
    what: 'the host does not let us in',
    field: 'ssh-key',
    hint: ({ user }) =>
      `Is the public half of ssh-key in ~${user}/.ssh/authorized_keys on the host, and is ${user} the right user?`,
  },
]

/** Why no connection came to be, from what ssh said. */
export function connectFault(address: SshAddress, said: string): Failure {
  const found = faults.find(({ words }) => words.test(said))
  const where = shownAddress(address)
  if (found !== undefined) {
    const { code, what, field, hint } = found
    return new Failure(code, `${where}: ${what} (${lastLine(said)})`, { field, hint: hint(address) })
  }
  return new Failure('HOST_UNREACHABLE', `${where} cannot be reached: ${lastLine(said)}`, {
    field: 'hosts',
    hint: 'Is the machine up, are name and port right, and does its firewall let this machine in?',
  })
}

/** The connection that was there is gone; what a command did until then only the host knows. */
export function lostFault(address: SshAddress, said: string, doing: string): Failure {
  return new Failure(
    'CONNECTION_LOST',
    `${shownAddress(address)}: the connection was lost ${doing}: ${lastLine(said)}`,
    {
      hint: 'Run again: the next run looks at what is really there, and finishes or undoes it.',
    },
  )
}

function lastLine(said: string): string {
  const lines = said
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '' && !/^(?:@|Host key verification failed)/.test(line))
  return (lines.at(-1) ?? said.trim().split('\n').at(-1) ?? '').trim().slice(0, 500) || 'ssh said nothing'
}
