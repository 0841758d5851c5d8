/** A folder of a container that outlives it. */
export interface Mount {
  /** A named volume of the engine, or an absolute path on the host. */
  readonly source: string
  readonly target: string
  readonly readOnly: boolean
}

/** What the engine itself asks a container, to call it healthy or not. */
export interface Healthcheck {
  /** A text is for the container's shell, words are run as they are. */
  readonly command: string | readonly string[]
  readonly intervalMs?: number
  readonly timeoutMs?: number
  readonly startPeriodMs?: number
  readonly retries?: number
}

export interface ContainerLog {
  readonly driver: 'json-file' | 'local' | 'journald'
  readonly maxSizeBytes?: number
  readonly maxFiles?: number
}

/** How the containers of a service are made, by the words of a compose file; what is left out is as the target has it. */
export interface ContainerOptions {
  readonly memoryBytes?: number
  /** Share of processors: 1.5 is one and a half. */
  readonly cpus?: number
  readonly pids?: number
  readonly volumes?: readonly Mount[]
  /** `PATH` or `PATH:OPTIONS`, as docker reads it. */
  readonly tmpfs?: readonly string[]
  /** Networks of the host, which exist already, to be in besides the environment's own. */
  readonly networks?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  readonly healthcheck?: Healthcheck
  readonly stopSignal?: string
  readonly stopGraceMs?: number
  readonly restart?: 'always' | 'on-failure' | 'no'
  readonly readOnly?: boolean
  readonly user?: string
  readonly capDrop?: readonly string[]
  readonly capAdd?: readonly string[]
  readonly noNewPrivileges?: boolean
  readonly log?: ContainerLog
  readonly init?: boolean
}
