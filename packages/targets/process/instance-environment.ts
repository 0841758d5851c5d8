import { delimiter } from 'node:path'
import type { Release, Secrets, Service, Slot } from '#kernel'
import { marker } from './processes.ts'

/** What an app may rely on; everything else of the environment a deploy runs in (tokens, inputs) is not the app's. */
const kept = ['HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR']

/** The environment of programs that outlive the step. Without the job's variables, among them RUNNER_TRACKING_ID. */
export function baseEnvironment(from: NodeJS.ProcessEnv, path: string): Record<string, string> {
  const base = kept.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]] as const]))
  return { ...Object.fromEntries(base), PATH: path }
}

/** The recorded search path, then what the present one has beyond it. */
export function joinPaths(recorded: string | undefined, present: string): string {
  const folders = [...(recorded?.split(delimiter) ?? []), ...present.split(delimiter)].filter((folder) => folder !== '')
  return [...new Set(folders)].join(delimiter)
}

/** Settings and secrets of a service; ours come last and cannot be overridden. */
export function serviceEnvironment(release: Release, service: Service, secrets: Secrets): Record<string, string> {
  return { ...service.env, ...secrets, SWITCHYARD_VERSION: release.version }
}

/** What tells an instance who it is; by the marker it is found when its records are lost. */
export function instanceMarks(
  root: string,
  slot: Slot,
  instance: number,
  port: number | undefined,
  service?: string,
): Record<string, string> {
  return {
    SWITCHYARD_SLOT: slot,
    SWITCHYARD_INSTANCE: String(instance),
    [marker]: root,
    ...(service === undefined ? {} : { SWITCHYARD_SERVICE: service }),
    ...(port === undefined ? {} : { PORT: String(port) }),
  }
}
