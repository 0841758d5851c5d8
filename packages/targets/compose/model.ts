import { z } from 'zod'

const text = z.string().max(1024 * 1024)
const name = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/)
const mount = z.looseObject({ source: name })

/** Loose: what is not named here stays as the team wrote it. */
const serviceSchema = z.looseObject({
  image: text.nullish(),
  build: z.unknown().optional(),
  command: z.array(text).nullish(),
  container_name: text.nullish(),
  depends_on: z.record(name, z.looseObject({ condition: text.optional() })).nullish(),
  deploy: z.looseObject({ replicas: z.int().nullish() }).nullish(),
  environment: z.record(z.string(), text.nullable()).nullish(),
  labels: z.record(z.string(), text).nullish(),
  links: z.array(text).nullish(),
  network_mode: text.nullish(),
  networks: z.record(name, z.looseObject({ aliases: z.array(text).nullish() }).nullable()).nullish(),
  ports: z
    .array(
      z.looseObject({
        target: z.int(),
        published: z.union([z.string(), z.number()]).nullish(),
        host_ip: text.nullish(),
      }),
    )
    .nullish(),
  restart: text.nullish(),
  scale: z.int().nullish(),
  secrets: z.array(mount).nullish(),
  configs: z.array(mount).nullish(),
  stop_grace_period: text.nullish(),
  volumes: z
    .array(
      z.looseObject({ type: text, source: text.nullish(), target: text.nullish(), read_only: z.boolean().nullish() }),
    )
    .nullish(),
  volumes_from: z.array(text).nullish(),
})

/** A service as `docker compose config` prints it. */
export type ServiceModel = z.infer<typeof serviceSchema>

const resourceSchema = z
  .looseObject({ name: text.optional(), external: z.boolean().nullish() })
  .nullable()
  .transform((given) => given ?? {})

const fileSchema = z.looseObject({ file: text.optional(), environment: text.optional(), content: text.optional() })
export type FileModel = z.infer<typeof fileSchema>

/** A whole project as `docker compose config --format json` prints it. Every `$` in it is doubled, so that it can be read again. */
export const modelSchema = z.looseObject({
  name,
  services: z.record(name, serviceSchema),
  networks: z.record(name, resourceSchema).default({}),
  volumes: z.record(name, resourceSchema).default({}),
  secrets: z.record(name, fileSchema).default({}),
  configs: z.record(name, fileSchema).default({}),
})

export type ProjectModel = z.infer<typeof modelSchema>

/** What the project says of a text: compose reads `$` as the beginning of a variable. */
export function doubled(given: string): string {
  return given.replaceAll('$', '$$$$')
}

export function single(given: string): string {
  return given.replaceAll('$$', '$')
}

/** JSON that compose's reader of YAML takes: characters that YAML does not print are escaped. */
export function asYaml(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
