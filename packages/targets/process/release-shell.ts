import type { Shell } from '#kernel'
import type { TargetContext } from '../index.ts'
import { parseSecrets } from './records.ts'

interface Unpacked {
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
}

/** Runs one-off commands in the folder of a release, with its settings and the secrets that are kept for it. */
export function releaseShell(context: TargetContext, release: string, unpack: () => Promise<Unpacked>): Shell {
  let place: Promise<Unpacked> | undefined
  return {
    async run(command, signal) {
      place ??= unpack()
      const { folder, environment } = await place
      const kept = await context.host.read(`releases/${release}/secrets.env`)
      const secrets = kept === null ? {} : parseSecrets(kept)
      return context.runner.run(
        {
          ...command,
          cwd: command.cwd ?? folder,
          env: { ...environment, ...secrets, ...command.env },
          secrets: [...(command.secrets ?? []), ...Object.values(secrets)],
        },
        signal,
      )
    },
    put: (path, bytes, mode) => context.runner.put(path, bytes, mode),
  }
}
