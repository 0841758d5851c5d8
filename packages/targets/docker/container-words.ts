import type { ContainerOptions, Healthcheck, Release } from '#kernel'
import type { Words } from './engine.ts'

type Service = Release['services'][number]

/** What grows without bound fills the disk that every other release needs. */
const logMost = { maxSizeBytes: 10 * 1024 ** 2, maxFiles: 3 }

/** What every container of a service has, its one-off ones too: what it may use and what it may do. Each value is joined to its option. */
export function containerWords({ container = {} }: Service): Words {
  const { memoryBytes, cpus, pids, volumes = [], tmpfs = [], user, capDrop = [], capAdd = [] } = container
  return [
    ...logWords(container.log),
    ...(memoryBytes === undefined ? [] : [`--memory=${memoryBytes}`]),
    ...(cpus === undefined ? [] : [`--cpus=${cpus}`]),
    ...(pids === undefined ? [] : [`--pids-limit=${pids}`]),
    ...volumes.map(({ source, target, readOnly }) => {
      const kind = source.startsWith('/') ? 'bind' : 'volume'
      return `--mount=type=${kind},source=${source},target=${target}${readOnly ? ',readonly' : ''}`
    }),
    ...tmpfs.map((each) => `--tmpfs=${each}`),
    ...(container.readOnly === true ? ['--read-only'] : []),
    ...(user === undefined ? [] : [`--user=${user}`]),
    ...capDrop.map((each) => `--cap-drop=${each}`),
    ...capAdd.map((each) => `--cap-add=${each}`),
    ...(container.noNewPrivileges === true ? ['--security-opt=no-new-privileges'] : []),
    ...(container.init === true ? ['--init'] : []),
  ]
}

/** What a container that lives on has besides. */
export function livingWords({ container = {} }: Service): Words {
  const { labels = {}, healthcheck, stopSignal, stopGraceMs } = container
  return [
    ...Object.entries(labels).map(([key, value]) => `--label=${key}=${value}`),
    ...(healthcheck === undefined ? [] : healthWords(healthcheck)),
    ...(stopSignal === undefined ? [] : [`--stop-signal=${stopSignal}`]),
    ...(stopGraceMs === undefined ? [] : [`--stop-timeout=${Math.ceil(stopGraceMs / 1000)}`]),
  ]
}

/**
 * `always`, because an engine that was killed leaves containers that are to start `unless-stopped` lying; what is retired is told `no`
 * first.
 */
export function restartOf({ container = {} }: Pick<Service, 'container'>): string {
  return container.restart ?? 'always'
}

/** A grace that is as long as a policy's usual one gives way to what the release says; a shorter one is somebody's hurry. */
export function graceOf(release: Pick<Release, 'services'> | null, graceMs: number, usualMs: number): number {
  const own = release?.services.flatMap(({ container }) => container?.stopGraceMs ?? []) ?? []
  return graceMs < usualMs || own.length === 0 ? graceMs : Math.max(...own)
}

/** json-file: `logs` works whatever the engine's default is. */
function logWords(log: ContainerOptions['log']): Words {
  const { driver, maxSizeBytes, maxFiles } = { driver: 'json-file', ...logMost, ...log }
  if (driver === 'journald') return ['--log-driver=journald']
  return [`--log-driver=${driver}`, `--log-opt=max-size=${maxSizeBytes}`, `--log-opt=max-file=${maxFiles}`]
}

function healthWords({ command, intervalMs, timeoutMs, startPeriodMs, retries }: Healthcheck): Words {
  return [
    `--health-cmd=${typeof command === 'string' ? command : shellText(command)}`,
    ...(intervalMs === undefined ? [] : [`--health-interval=${intervalMs}ms`]),
    ...(timeoutMs === undefined ? [] : [`--health-timeout=${timeoutMs}ms`]),
    ...(startPeriodMs === undefined ? [] : [`--health-start-period=${startPeriodMs}ms`]),
    ...(retries === undefined ? [] : [`--health-retries=${retries}`]),
  ]
}

/** docker run knows a health check only as a text for the shell in the container. Compose's first word says which kind it is. */
function shellText([first = '', ...rest]: readonly string[]): string {
  if (first === 'CMD-SHELL') return rest.join(' ')
  const words = first === 'CMD' ? rest : [first, ...rest]
  return words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ')
}
