import type { ContainerOptions } from '#kernel'
import type { ServiceConfig } from './config.ts'

/** How the containers of a service are made, as the configuration file says it; undefined where it says nothing. */
export function containerOptions(config: ServiceConfig): ContainerOptions | undefined {
  const { memory, cpus, pids, volumes, tmpfs, networks, labels, healthcheck, restart, user, log, init } = config
  const said = {
    memoryBytes: memory,
    cpus,
    pids,
    volumes,
    tmpfs,
    networks,
    labels,
    healthcheck,
    stopSignal: config['stop-signal'],
    stopGraceMs: config['stop-grace'],
    restart,
    readOnly: config['read-only'],
    user,
    capDrop: config['cap-drop'],
    capAdd: config['cap-add'],
    noNewPrivileges: config['no-new-privileges'],
    log,
    init,
  }
  const options = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined))
  return Object.keys(options).length === 0 ? undefined : (options as ContainerOptions)
}
