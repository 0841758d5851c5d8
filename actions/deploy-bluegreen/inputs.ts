import {
  appInputs,
  checksAreKnown,
  defineAction,
  field,
  forceNeedsReason,
  frontInputs,
  limitInputs,
  gateInputs,
  hostsFit,
  judgeInputs,
  loginIsWhole,
  metricInputs,
  registryInputs,
  releaseInputs,
  releaseIsNamed,
  targetInputs,
} from '#suite'
import { z } from 'zod'

export const action = defineAction({
  name: 'deploy-bluegreen',
  title: 'Switchyard: deploy blue-green',
  description: 'Bring a release live without losing a request; a bad one never hurts.',
  branding: { icon: 'repeat', color: 'green' },
  post: true,
  inputs: z.object({
    release: field.text({ description: 'What is to run: `name@sha256:…`, or the output `release` of build-scan.' }),
    mode: field.choice(['deploy', 'plan', 'stage', 'promote', 'reject', 'setup'], {
      description:
        '`deploy`; `plan` prints and changes nothing; `stage` starts and proves the idle slot and shifts nothing; `promote` and `reject` decide about what is staged or half shifted; `setup` prepares hosts that have only Docker.',
      default: 'deploy',
    }),
    ...targetInputs,
    ...frontInputs,
    ...limitInputs,
    ...appInputs,
    ...releaseInputs,
    ...gateInputs,
    ...judgeInputs,
    ...metricInputs,
    ...registryInputs,
    migration: field.block({
      description:
        'Output `migration` of migrate; kept with the release, so that rollback can decide about the database.',
    }),
  }),
  outputs: {
    verdict: 'pass, fail, inconclusive or error.',
    release: 'The release, as JSON.',
    slot: 'The slot it is in: blue or green. Of several hosts the first one; slots may differ between hosts.',
    previous: 'The release that was live before, as JSON.',
    'preview-url': 'Where a staged release can be looked at; one line for each host.',
  },
  conflicts: (inputs) => [
    ...releaseIsNamed(inputs),
    ...hostsFit(inputs),
    ...forceNeedsReason(inputs),
    ...checksAreKnown(inputs),
    ...loginIsWhole(inputs),
  ],
})

export type Inputs = z.output<typeof action.inputs>
