import { z } from 'zod'
import { Failure } from '#kernel'
import type { CommandResult, Measurement, Probe, ProbeRequest, Shell } from '#kernel'
import { firstFailure } from './assert.ts'
import { runBounded } from './command.ts'
import { lookWithin } from './look.ts'

/** The part of `docker inspect` that tells how a container is. */
const inspected = z.object({
  restarts: z.number(),
  state: z.object({
    Status: z.string(),
    Running: z.boolean(),
    Restarting: z.boolean().default(false),
    OOMKilled: z.boolean().default(false),
    ExitCode: z.number().default(0),
    Health: z
      .object({ Status: z.string(), Log: z.array(z.object({ Output: z.string().default('') })).nullish() })
      .nullish(),
  }),
})

const format = '{"restarts":{{.RestartCount}},"state":{{json .State}}}'

/**
 * Looks at `container:NAME` through a Docker client: good is one that runs, and is healthy where it has a health check.
 * Assertions see `{status, health, restarts, exitCode, oomKilled}` as JSON.
 */
export function containerProbe(shell: Shell): Probe {
  return {
    once: (request, signal) =>
      lookWithin(request, signal, async (clock) => {
        const argv = ['docker', 'inspect', '--type', 'container', '--format', format, containerOf(request)] as const
        const result = await runBounded(shell, { argv: [...argv] }, request, clock)
        return () => judged(result, request)
      }),
  }
}

/** @throws Failure INPUT_INVALID when the URL names no container. */
export function containerOf({ url }: ProbeRequest): string {
  const name = /^container:(?:\/\/)?([A-Za-z0-9][A-Za-z0-9_.-]{0,254})$/.exec(url)?.[1]
  if (name !== undefined) return name
  throw new Failure('INPUT_INVALID', 'the URL names no container', {
    field: 'url',
    hint: 'For example container:shop-web.',
  })
}

async function judged(
  { exitCode, stdout, stderr }: CommandResult,
  { assertions = [] }: ProbeRequest,
): Promise<Omit<Measurement, 'latencyMs'>> {
  if (exitCode !== 0) {
    const isMissing = /no such (container|object)/i.test(stderr)
    return { ok: false, why: isMissing ? 'there is no such container' : 'the container engine does not answer' }
  }
  const { restarts, state } = read(stdout)
  const health = state.Health?.Status ?? 'none'
  const seen = { status: state.Status, health, restarts, exitCode: state.ExitCode, oomKilled: state.OOMKilled }
  const body = JSON.stringify(seen)
  const sick = sickness(state, health)
  const why = sick ?? (await firstFailure(assertions, { body }))
  return why === null ? { ok: true, body } : { ok: false, body, why }
}

function read(stdout: string): z.output<typeof inspected> {
  try {
    return inspected.parse(JSON.parse(stdout))
  } catch (cause) {
    throw new Failure('OUTPUT_UNREADABLE', 'docker inspect printed something that cannot be understood', { cause })
  }
}

function sickness(state: z.output<typeof inspected>['state'], health: string): string | null {
  if (state.Restarting) return `the container restarts again and again (exit code ${state.ExitCode})`
  if (!state.Running) {
    const memory = state.OOMKilled ? ', killed for its memory' : ''
    return `the container is ${state.Status.slice(0, 40)} (exit code ${state.ExitCode}${memory})`
  }
  if (state.Status === 'paused') return 'the container is paused'
  if (health === 'none' || health === 'healthy') return null
  if (health === 'starting') return 'the container is still starting'
  const said = state.Health?.Log?.at(-1)?.Output.trim().split('\n').at(-1)?.slice(0, 200) ?? ''
  return `the container is ${health.slice(0, 40)}${said === '' ? '' : `: ${said}`}`
}
