import type { Host } from '#kernel'

/** The host as somebody sees it who may not speak to the engine: its socket belongs to root and group docker. */
export function asNobody(host: Host): Host {
  const words = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'] as const
  return {
    ...host,
    look: (command, signal) => host.look({ ...command, argv: [...words, ...command.argv] }, signal),
    act: (command, signal) => host.act({ ...command, argv: [...words, ...command.argv] }, signal),
  }
}
