import { defineAction, field, forceNeedsReason, hostsFit, loginIsWhole, registryInputs, targetInputs } from '#suite'
import { z } from 'zod'

/** Going back changes no router and no front: both stay as the environment was set up, whatever the configuration says today. */
const { listen: _listen, 'router-image': _image, ...placeInputs } = targetInputs

export const action = defineAction({
  name: 'rollback',
  title: 'Switchyard: roll back',
  description: 'Back to the release that was good, in about a second; without an argument.',
  branding: { icon: 'rotate-ccw', color: 'orange' },
  post: true,
  inputs: z.object({
    to: field.text({ description: 'Version, digest or ledger id; empty: the previous good release.' }),
    ...placeInputs,
    ...registryInputs,
    migration: field.block({ description: 'Output `migration` of migrate, where it is not kept with the release.' }),
    'database-url': field.text({
      description: 'The database, when the way back reverts a migration: `sqlite:/path/to/file.db`.',
    }),
    migrations: field.text({
      description: 'Folder of the migrations, when the way back reverts one.',
      default: 'db/migrations',
    }),
  }),
  outputs: {
    verdict: 'pass, fail, inconclusive or error.',
    release: 'The release that is live now, as JSON.',
    slot: 'The slot it is in; of several hosts the first one.',
    previous: 'The release that was left, as JSON.',
    migration: 'What was done about the database: kept, reverted or refused, with the reason, as JSON.',
  },
  conflicts: (inputs) => [...hostsFit(inputs), ...forceNeedsReason(inputs), ...loginIsWhole(inputs)],
})

export type Inputs = z.output<typeof action.inputs>
