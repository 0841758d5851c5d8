import { parseDuration } from '#kernel'
import type { Healthcheck, Mount } from '#kernel'
import { z } from 'zod'

const sizes: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/** `512m`, `512MiB`, `1.5g`: as docker and compose count, 1024 of the one are one of the next. */
const size = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,3})?(b|[kmg](i?b)?)$/i, 'must be a size with its unit, such as 512m or 1.5g')
  .transform((text) => {
    const [, amount, unit = ''] = /^([\d.]+)([a-z])/i.exec(text) ?? []
    return Math.floor(Number(amount) * (sizes[unit.toLowerCase()] ?? Number.NaN))
  })

const duration = (maxMs: number) =>
  z
    .string()
    .regex(/^(\d+(\.\d+)?(ms|s|m|h))+$/, 'must be a duration with its unit, such as 30s')
    .transform((text) => parseDuration(text))
    .refine((ms) => ms <= maxMs, `must be ${maxMs / 1000}s at most`)

const mount = z
  .string()
  .regex(
    /^([A-Za-z0-9][A-Za-z0-9_.-]{0,127}|\/[^:,"\r\n\0]{0,500}):\/[^:,"\r\n\0]{1,500}(:ro|:rw)?$/,
    'must be NAME:/PATH or /HOST/PATH:/PATH, with :ro where it is only read',
  )
  .transform((text): Mount => {
    const [source = '', target = '', mode] = text.split(':')
    return { source, target, readOnly: mode === 'ro' }
  })

const healthcheck = z
  .strictObject({
    command: z.union([z.string().min(1), z.array(z.string()).min(1).max(64)]),
    interval: duration(3_600_000).optional(),
    timeout: duration(3_600_000).optional(),
    'start-period': duration(3_600_000).optional(),
    retries: z.int().min(1).max(100).optional(),
  })
  .transform((given): Healthcheck => {
    const { command, interval, timeout, retries } = given
    const start = given['start-period']
    return {
      command,
      ...(interval === undefined ? {} : { intervalMs: interval }),
      ...(timeout === undefined ? {} : { timeoutMs: timeout }),
      ...(start === undefined ? {} : { startPeriodMs: start }),
      ...(retries === undefined ? {} : { retries }),
    }
  })

const log = z
  .strictObject({
    driver: z.enum(['json-file', 'local', 'journald']).default('json-file'),
    'max-size': size.optional(),
    'max-file': z.int().min(1).max(1000).optional(),
  })
  .transform((given) => ({
    driver: given.driver,
    ...(given['max-size'] === undefined ? {} : { maxSizeBytes: given['max-size'] }),
    ...(given['max-file'] === undefined ? {} : { maxFiles: given['max-file'] }),
  }))

/** How the containers of a service are made on target docker, by the names that a compose file has for it. */
export const containerKeys = {
  memory: size.describe('Most memory of each instance, such as 512m.').optional(),
  cpus: z.number().min(0.01).max(1024).describe('Most processors of each instance, such as 0.5.').optional(),
  pids: z.int().min(1).max(4_194_304).describe('Most processes and threads of each instance.').optional(),
  volumes: z
    .array(mount)
    .max(64)
    .describe('NAME:/PATH for a volume of the engine, /HOST/PATH:/PATH for a folder of the host; :ro to read only.')
    .optional(),
  tmpfs: z.array(z.string()).max(64).describe('Folders in memory: /PATH or /PATH:size=64m.').optional(),
  networks: z
    .array(z.string())
    .max(16)
    .describe("Networks that exist on the host, to be in besides the environment's own.")
    .optional(),
  labels: z.record(z.string(), z.string()).optional(),
  healthcheck: healthcheck.describe('What the engine asks the container; a text is for its shell.').optional(),
  'stop-signal': z.string().describe('Signal that asks it to end, such as SIGINT.').optional(),
  'stop-grace': duration(600_000).describe('How long it may take to end, such as 30s.').optional(),
  restart: z.enum(['always', 'on-failure', 'no']).describe('What the engine does when it ends by itself.').optional(),
  'read-only': z.boolean().describe('No writing but to volumes and tmpfs.').optional(),
  user: z
    .union([z.string(), z.int().transform(String)])
    .describe('User and group it runs as, such as 1000:1000.')
    .optional(),
  'cap-drop': z.array(z.string()).max(64).describe('Capabilities it does without; ALL for every one.').optional(),
  'cap-add': z.array(z.string()).max(64).describe('Of the usual capabilities, those it keeps after ALL.').optional(),
  'no-new-privileges': z.boolean().describe('Neither setuid programs nor file capabilities give it more.').optional(),
  log: log.describe('Where its output is kept, and how much of it; 10m in each of 3 files.').optional(),
  init: z.boolean().describe('A small init ends and reaps its processes.').optional(),
}
