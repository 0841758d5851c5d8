import type { Engine } from './engine.ts'

/** What an engine tells about itself and its machine; empty and null where it does not. */
export interface EngineInfo {
  readonly version: string
  /** What its containers are for, such as `linux/amd64`. */
  readonly platform: string
  readonly processors: number | null
  /** Where its images and containers lie. */
  readonly rootDir: string
  /** Why it told nothing. */
  readonly why: string
}

/** The kernel's names of processors, as images have them. */
const architectures: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  i386: '386',
  i686: '386',
  aarch64: 'arm64',
  armv6l: 'arm',
  armv7l: 'arm',
  armv8l: 'arm',
}

/** One look for all of it: each costs as much as the next. @throws Failure DOCKER_MISSING, DOCKER_REFUSED */
export async function engineInfo(engine: Engine): Promise<EngineInfo> {
  const format = '{{.ServerVersion}} {{.OSType}}/{{.Architecture}} {{.NCPU}} {{.DockerRootDir}}'
  const { code, text } = await engine.look(['info', `--format=${format}`])
  const [, version = '', os = '', machine = '', processors, rootDir = ''] =
    /^(\S{1,64}) ([a-z0-9]{1,32})\/([\w-]{1,32}) (\d{1,5}) (\/[^\n]*)\n?$/.exec(code === 0 ? text : '') ?? []
  if (version === '') return { version, platform: '', processors: null, rootDir: '', why: text.trim().slice(0, 500) }
  const platform = `${os}/${architectures[machine] ?? machine}`
  return { version, platform, processors: Number(processors), rootDir, why: '' }
}
