import { defineAction, field } from '#suite'
import { Failure } from '#kernel'
import { z } from 'zod'

export const action = defineAction({
  name: 'migrate',
  title: 'Switchyard: migrate',
  description: "Run the team's own migration tool with a proven way back.",
  branding: { icon: 'database', color: 'yellow' },
  post: true,
  inputs: z.object({
    config: field.text({ description: 'Configuration file; `.github/switchyard.yml` is read where it exists.' }),
    environment: field.name({ description: 'Environment: staging, production, …', default: 'production' }),
    tool: field.text({ description: 'Migration tool: `dbmate`.', default: 'dbmate' }),
    migrations: field.text({ description: 'Folder of the migrations.', default: 'db/migrations' }),
    'database-url': field.text({ description: 'The database: `sqlite:/path/to/file.db`.', required: true }),
    'run-in': field.choice(['runner'], {
      description: 'Where the tool runs; `host` and `release` come with the container targets.',
      default: 'runner',
    }),
    backup: field.choice(['required', 'none'], {
      description: '`required`: nothing is changed before a backup is proven; `none` needs `reason`.',
      default: 'required',
    }),
    'backup-dir': field.text({ description: 'Folder for backups; default: beside the database.' }),
    mode: field.choice(['apply', 'plan', 'revert'], {
      description: '`apply`; `plan` rehearses on a copy and changes nothing; `revert` takes a batch back.',
      default: 'apply',
    }),
    migration: field.block({ description: 'Record of the batch to revert.' }),
    reason: field.text({ description: 'Why; kept in the record.' }),
  }),
  outputs: {
    verdict: 'pass or fail.',
    migration: 'The record: what was done and how it can be undone, as JSON.',
  },
  conflicts: (inputs) => [
    ...(inputs.backup === 'none' && inputs.reason === ''
      ? [
          new Failure('INPUT_CONFLICT', 'backup: none needs a reason', {
            field: 'reason',
            hint: 'Say why the database may be changed without a way back, or leave backup: required.',
          }),
        ]
      : []),
    ...(inputs.mode === 'revert' && inputs.migration === ''
      ? [
          new Failure('INPUT_MISSING', 'migration is required with mode: revert', {
            field: 'migration',
            hint: 'Give the output `migration` of the run that applied the batch.',
          }),
        ]
      : []),
  ],
})

export type Inputs = z.output<typeof action.inputs>
