import type { Release, Target } from '#kernel'

/** Stops what held the front's port and sets the router up there; where that fails, what was stopped is started again. */
export async function takeOver(target: Target, release: Release, setup: Setup): Promise<readonly string[]> {
  const began = performance.now()
  const adopted = await target.adopt?.(release)
  try {
    const done = await setup()
    if (!adopted) return done
    const gapMs = Math.ceil(performance.now() - began)
    return [...done, `took over from ${adopted.names.join(', ')}: nothing answered for at most ${gapMs} ms, this once`]
  } catch (thrown) {
    await adopted?.back()
    throw thrown
  }
}

type Setup = () => Promise<readonly string[]>
