import type { Failure } from '#kernel'
import type { Engine, Said } from './engine.ts'
import { isAwake } from './runtime.ts'

/** What is in flight may end; new connections are refused meanwhile, so it is short. */
const stopSeconds = 1

export interface Swap {
  readonly container: string
  /** Is there one to be replaced? */
  readonly isThere: boolean
  /** Words after `docker create`; they name it `…-next`. */
  readonly create: readonly string[]
  /** What is to be done with the new one before the old one ends. */
  readonly prepare?: () => Promise<void>
  /** Starts the container and waits until it answers. */
  readonly start: () => Promise<void>
  readonly refused: (why: string) => Failure
}

/**
 * Puts a new container in the place of the one that is there, if any. The new one is made beforehand, so that the gap is no longer
 * than one container's end and another's start; one that does not come up is taken back and the old one started again. Gives the
 * length of the gap in ms.
 */
export async function swapContainers(
  engine: Engine,
  { container, isThere, create, prepare, start, refused }: Swap,
): Promise<number> {
  const [next, old] = [`${container}-next`, `${container}-old`]
  const done = ({ code, stderr }: Said) => {
    if (code !== 0) throw refused(stderr)
  }
  await engine.act(['rm', '--force', next])
  done(await engine.act(['create', ...create]))
  await prepare?.()
  await engine.act(['rm', '--force', old])
  const began = performance.now()
  if (isThere) {
    await engine.act(['update', '--restart=no', container])
    await engine.act(['stop', `--time=${stopSeconds}`, container])
    done(await engine.act(['rename', container, old]))
  }
  done(await engine.act(['rename', next, container]))
  try {
    await start()
  } catch (thrown) {
    await engine.act(['rm', '--force', container])
    if (isThere) {
      await engine.act(['rename', old, container])
      await engine.act(['update', '--restart=always', container])
      await engine.act(['start', container])
      await isAwake(engine, container)
    }
    throw thrown
  }
  const gapMs = performance.now() - began
  if (isThere) await engine.act(['rm', '--force', old])
  return gapMs
}
