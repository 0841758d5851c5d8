import { Failure, asFailure } from '#kernel'
import type { Command, CommandResult } from '#kernel'

/** The first that knows all that we ask of it (`configs` with `content`, `depends_on` with `required`, `--progress`). */
const oldest = [2, 24] as const

/**
 * Is there a compose that can be used? Any newer one is believed.
 * @throws Failure COMPOSE_MISSING
 */
export async function assertCompose(
  run: (argv: Command['argv']) => Promise<Pick<CommandResult, 'exitCode' | 'stdout'>>,
  where: string,
): Promise<void> {
  const { exitCode, stdout } = await run(['docker', 'compose', 'version', '--short']).catch((thrown: unknown) => {
    const failure = asFailure(thrown)
    if (failure.code !== 'COMMAND_MISSING') throw failure
    return { exitCode: 127, stdout: '' }
  })
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(stdout.trim()) ?? []
  if (exitCode === 0 && major !== undefined && isNew(Number(major), Number(minor))) return
  const found =
    exitCode === 0 && major !== undefined ? `docker compose is ${stdout.trim()}` : 'there is no docker compose'
  throw new Failure('COMPOSE_MISSING', `${where}: ${found}; target compose needs ${oldest.join('.')} or newer`, {
    hint: 'Install the compose plugin of Docker (package docker-compose-plugin or docker-compose) there.',
  })
}

function isNew(major: number, minor: number): boolean {
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1])
}
