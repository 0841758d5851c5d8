import { z } from 'zod'
import { Failure } from '#kernel'
import type { RouterContext } from '../index.ts'
import type { Engine } from './engine.ts'

export const defaultImage = 'haproxy:3.0'

const programs = { 'router-image': 'HAProxy 2.6', 'tls-image': 'Caddy 2.8' } as const
const pullMs = 10 * 60_000
const inspectedSchema = z.object({
  Id: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  RepoDigests: z.array(z.string()).nullish(),
})

/**
 * What an image name means now: `name@sha256:…`, or the image's ID where it came from no registry. What is not here is pulled.
 * @throws Failure INPUT_INVALID, IMAGE_MISSING, REGISTRY_REFUSED
 */
export async function resolveImage(
  engine: Engine,
  asked: string,
  field: 'router-image' | 'tls-image' = 'router-image',
  pullLoggedIn?: RouterContext['pullLoggedIn'],
): Promise<string> {
  if (!/^[a-z0-9][a-z0-9._/:@-]{0,400}$/i.test(asked)) {
    throw new Failure('INPUT_INVALID', `"${asked.slice(0, 100)}" is no name of an image`, { field })
  }
  const here = await inspect(engine, asked)
  if (here !== null) return here
  const plain = await engine.look(['pull', '--quiet', '--', asked], { timeoutMs: pullMs })
  // What anybody may have is pulled without a password.
  const pulled = plain.code === 0 ? plain : ((await pullLoggedIn?.(asked)) ?? plain)
  const found = pulled.code === 0 ? await inspect(engine, asked) : null
  if (found !== null) return found
  throw new Failure(
    'IMAGE_MISSING',
    `the image ${asked} is not here and cannot be pulled: ${pulled.stderr.trim().slice(-1_000)}`,
    {
      field,
      hint: `Give ${field}, an image of ${programs[field]} or later that this host can pull, or load it on the host. registry-username and registry-password log in for the pull.`,
    },
  )
}

async function inspect(engine: Engine, name: string): Promise<string | null> {
  const { code, stdout } = await engine.look(['image', 'inspect', '--format={{json .}}', '--', name])
  if (code !== 0) return null
  const parsed = inspectedSchema.safeParse(JSON.parse(stdout))
  if (!parsed.success)
    throw new Failure('OUTPUT_UNREADABLE', `docker image inspect ${name} printed something else than an image`)
  const { Id, RepoDigests } = parsed.data
  const repository = name.replace(/@.*$/, '').replace(/:[^/:]*$/, '')
  return (RepoDigests ?? []).find((digest) => digest.startsWith(`${repository}@`)) ?? Id
}
