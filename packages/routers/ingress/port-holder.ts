import type { Engine } from '../haproxy/engine.ts'

/** Who listens on a port of the host, as far as one can know; words for a message. */
export async function holderOf(engine: Engine, port: number): Promise<string> {
  const { code, stdout } = await engine.look(['ps', `--filter=publish=${port}`, '--format={{.Names}}'])
  const containers = code === 0 ? stdout.split('\n').filter((name) => name !== '') : []
  return containers.length > 0 ? `the container ${containers.join(', ')}` : 'another program'
}
