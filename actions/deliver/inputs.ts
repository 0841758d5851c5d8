import {
  checksAreKnown,
  appInputs,
  defineAction,
  field,
  forceNeedsReason,
  frontInputs,
  limitInputs,
  gateInputs,
  hostsFit,
  judgeInputs,
  metricInputs,
  loginIsWhole,
  registryInputs,
  releaseInputs,
  targetInputs,
} from '#suite'
import { Failure } from '#kernel'
import { z } from 'zod'

export const action = defineAction({
  name: 'deliver',
  title: 'Switchyard',
  description: 'A release made boring: build, migrate, deploy blue-green, verify; back by itself when it fails.',
  branding: { icon: 'git-merge', color: 'green' },
  post: true,
  inputs: z.object({
    artifact: field.choice(['image', 'folder'], {
      description: '`image` (docker build) or `folder` (a reproducible archive).',
      default: 'image',
    }),
    release: field.text({ description: 'A release that was built before; empty: it is built here.' }),
    service: field.name({ description: 'Name of the service in the release.', default: 'web' }),
    version: field.text({ description: 'Version of the release; default: the first 12 characters of the commit.' }),
    image: field.text({
      description: 'Name of the image without tag, pushed there by digest; empty: it stays on this machine.',
    }),
    context: field.text({ description: 'Folder to build from, or to pack.', default: '.' }),
    dockerfile: field.text({ description: 'Dockerfile; default: `Dockerfile` in the context.' }),
    run: field.list({ description: 'Commands before the build (test, lint, type check, audit), one per line.' }),
    ignore: field.list({ description: 'Left out of the archive besides `.git`, one per line.' }),
    output: field.text({
      description: 'Folder for the archive of artifact `folder`; default: the temporary folder of the runner.',
    }),
    tool: field.text({ description: 'Migration tool: `dbmate`.', default: 'dbmate' }),
    'database-url': field.text({ description: 'The database to migrate before the deploy; empty: none is migrated.' }),
    migrations: field.text({ description: 'Folder of the migrations.', default: 'db/migrations' }),
    'run-in': field.choice(['runner'], { description: 'Where the migration tool runs.', default: 'runner' }),
    backup: field.choice(['required', 'none'], {
      description: '`required`: nothing is changed before a backup is proven; `none` needs `reason`.',
      default: 'required',
    }),
    'backup-dir': field.text({ description: 'Folder for backups; default: beside the database.' }),
    ...targetInputs,
    ...frontInputs,
    ...limitInputs,
    ...appInputs,
    ...releaseInputs,
    ...gateInputs,
    ...judgeInputs,
    ...metricInputs,
    ...registryInputs,
    url: field.url({
      description:
        'Address to verify from outside after the deploy; empty: the front itself was verified by the deploy.',
    }),
    window: field.duration({ description: 'How long to measure that address; 0 measures nothing more.', default: '0' }),
    rate: field.number({ min: 0.1, max: 10_000 }, { description: 'Requests per second in the window.', default: '10' }),
    timeout: field.duration({ description: 'How long one probe may take.', default: '5s' }, 300_000),
  }),
  outputs: {
    verdict: 'pass, fail, inconclusive or error.',
    release: 'The release, as JSON.',
    digest: 'sha256:… of the artifact.',
    sbom: 'Path of the CycloneDX list.',
    migration: 'The record of the migration, as JSON.',
    slot: 'The slot the release is in; of several hosts the first one.',
    previous: 'The release that was live before, as JSON.',
  },
  conflicts: (inputs) => [
    ...checksAreKnown(inputs),
    ...hostsFit(inputs),
    ...forceNeedsReason(inputs),
    ...loginIsWhole(inputs),
    ...(inputs.backup === 'none' && inputs.reason === ''
      ? [new Failure('INPUT_CONFLICT', 'backup: none needs a reason', { field: 'reason' })]
      : []),
  ],
})

export type Inputs = z.output<typeof action.inputs>
