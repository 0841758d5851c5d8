import { posix } from 'node:path'
import { z } from 'zod'

/** What is mounted through is the whole host: who holds the engine's socket or its folders is root there. */
const kept = ['/run/docker.sock', '/var/run/docker.sock', '/run/containerd', '/var/lib/docker', '/var/lib/containerd']

/** What a container has by itself; nothing beyond can be asked for. */
const usualCapabilities = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]

const isPlain = (path: string) => !path.split('/').includes('..') && posix.normalize(path).length > 1
const absolute = z
  .string()
  .max(512)
  .regex(/^\/[^:,"\r\n\0]*$/, 'must be an absolute path without , : or "')

const source = z
  .string()
  .regex(
    /^(?:[A-Za-z0-9][A-Za-z0-9_.-]{0,127}|\/[^:,"\r\n\0]{0,511})$/,
    'must be the name of a volume or an absolute path without , : or "',
  )
  .refine(
    (given) => !given.startsWith('/') || (isPlain(given) && !reachesEngine(given)),
    'must not lead to Docker itself, whose socket and folders are the whole host',
  )
const mountSchema = z.object({
  source,
  target: absolute.refine(isPlain, 'must be a folder below /'),
  readOnly: z.boolean(),
})

const text = (most: number) =>
  z
    .string()
    .max(most)
    .refine((given) => !/[\r\n\0]/.test(given), 'must be one line')
const durationMs = z.number().int().min(1).max(3_600_000)
const word = z
  .string()
  .max(32_768)
  .refine((given) => !given.includes('\0'), 'must not hold a NUL')

const healthcheckSchema = z.object({
  command: z.union([word.min(1), z.array(word).min(1).max(64)]),
  intervalMs: durationMs.optional(),
  timeoutMs: durationMs.optional(),
  startPeriodMs: durationMs.optional(),
  retries: z.number().int().min(1).max(100).optional(),
})

const logSchema = z.object({
  driver: z.enum(['json-file', 'local', 'journald']),
  maxSizeBytes: z.number().int().min(1024).optional(),
  maxFiles: z.number().int().min(1).max(1000).optional(),
})

/** Container options as they may reach docker's command line: nothing in them can be another option, a path outside, or two words. */
export const containerSchema = z.object({
  // Docker's own least.
  memoryBytes: z
    .number()
    .int()
    .min(6 * 1024 ** 2)
    .max(2 ** 50)
    .optional(),
  cpus: z.number().min(0.01).max(1024).optional(),
  pids: z.number().int().min(1).max(4_194_304).optional(),
  volumes: z.array(mountSchema).max(64).optional(),
  tmpfs: z
    .array(
      z
        .string()
        .max(512)
        .regex(/^\/[^:,"\r\n\0]+(:[a-z0-9=,]{1,128})?$/, 'must be /PATH or /PATH:OPTIONS'),
    )
    .max(64)
    .optional(),
  networks: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/, 'must be the name of a network')
        .refine((name) => !['host', 'none', 'bridge', 'default'].includes(name), 'must be a network that was made'),
    )
    .max(16)
    .optional(),
  labels: z
    .record(
      z
        .string()
        .max(256)
        .regex(/^[A-Za-z0-9][A-Za-z0-9_./-]*$/, 'must be the name of a label')
        .refine((name) => !name.startsWith('switchyard.'), 'must not be one of ours'),
      text(4096),
    )
    .optional(),
  healthcheck: healthcheckSchema.optional(),
  stopSignal: z
    .string()
    .regex(/^(?:SIG)?[A-Z][A-Z0-9]{1,9}$|^[1-9][0-9]?$/, 'must be a signal, such as SIGINT')
    .optional(),
  stopGraceMs: z.number().int().min(0).max(600_000).optional(),
  restart: z.enum(['always', 'on-failure', 'no']).optional(),
  readOnly: z.boolean().optional(),
  user: z
    .string()
    .regex(
      /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$/,
      'must be USER or USER:GROUP, such as 1000:1000',
    )
    .optional(),
  capDrop: z
    .array(z.string().regex(/^[A-Z][A-Z_]{1,30}$/))
    .max(64)
    .optional(),
  capAdd: z.array(z.enum(usualCapabilities)).max(64).optional(),
  noNewPrivileges: z.boolean().optional(),
  log: logSchema.optional(),
  init: z.boolean().optional(),
})

/** Is this a way to the engine: its socket, its folders, or a folder above them? */
function reachesEngine(given: string): boolean {
  const path = posix.normalize(`${given}/`)
  return kept.some((each) => `${each}/`.startsWith(path) || path.startsWith(`${each}/`))
}
