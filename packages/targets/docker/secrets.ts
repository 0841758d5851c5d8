import { Failure } from '#kernel'
import type { Secrets } from '#kernel'

/** A line of docker's environment file is at most 64 KiB. */
const lineBytes = 60_000

/** Variables that the docker command line itself, its shell or its loader obey. */
const obeyed =
  /^(?:DOCKER_.*|LD_.*|BUILDKIT_.*|COMPOSE_.*|GO.*|SSH_.*|OTEL_.*|(?:HTTPS?|NO|ALL)_PROXY|PATH|HOME|IFS|ENV|PWD|PS4|TMPDIR|SHELL|LANG|LC_.*)$/i

export interface SplitSecrets {
  /** In docker's format: a name, `=`, and the value as it is to the end of the line. */
  readonly file: Readonly<Record<string, string>>
  /** What a line cannot hold: given to docker in its own environment, by name. */
  readonly apart: Readonly<Record<string, string>>
}

/** @throws Failure RELEASE_INVALID for a value of several lines under a name that docker itself obeys */
export function splitSecrets(secrets: Secrets): SplitSecrets {
  const isLine = (value: string) =>
    !/[\r\n]/.test(value) && Buffer.byteLength(value) <= lineBytes && value.isWellFormed()
  const entries = Object.entries(secrets)
  const apart = entries.filter(([, value]) => !isLine(value))
  for (const [name] of apart) assertFree(name)
  return { file: Object.fromEntries(entries.filter(([, value]) => isLine(value))), apart: Object.fromEntries(apart) }
}

export function formatEnvFile(secrets: Readonly<Record<string, string>>): string {
  return Object.entries(secrets)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

export function parseEnvFile(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line !== '')
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

/** Would a variable of this name steer the docker command line? */
export function isObeyed(name: string): boolean {
  return obeyed.test(name)
}

/** A variable that travels through the environment of the docker command line must not steer it. @throws Failure RELEASE_INVALID */
export function assertFree(name: string): void {
  if (!isObeyed(name)) return
  throw new Failure(
    'RELEASE_INVALID',
    `the variable ${name} cannot be passed on here: Docker's own command line obeys it`,
    {
      hint: `Give ${name} a value of one line, set it in the image, or use another name.`,
    },
  )
}
