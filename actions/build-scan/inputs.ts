import { defineAction, field, loginIsWhole, registryInputs } from '#suite'
import { Failure } from '#kernel'
import { z } from 'zod'

export const action = defineAction({
  name: 'build-scan',
  title: 'Switchyard: build and scan',
  description: 'Run the checks, build once, and name the result by its digest.',
  branding: { icon: 'package', color: 'purple' },
  post: true,
  inputs: z.object({
    artifact: field.choice(['image', 'folder'], {
      description: '`image` (docker build) or `folder` (a reproducible archive).',
      default: 'image',
    }),
    app: field.name({ description: 'Name of the app; default: the name of the repository.' }),
    service: field.name({ description: 'Name of the service in the release.', default: 'web' }),
    version: field.text({ description: 'Version of the release; default: the first 12 characters of the commit.' }),
    image: field.text({
      description:
        'Name of the image without tag, `ghcr.io/acme/shop`; pushed there by digest. Empty: the image stays on this machine and is named by its ID.',
    }),
    context: field.text({ description: 'Folder to build from, or to pack.', default: '.' }),
    dockerfile: field.text({ description: 'Dockerfile; default: `Dockerfile` in the context.' }),
    run: field.list({
      description:
        'Commands before the build (test, lint, type check, audit), one per line; the first that fails ends the build.',
    }),
    ignore: field.list({
      description: 'Left out of the archive besides `.git`: a name at any depth, or a path from the top; one per line.',
    }),
    output: field.text({
      description: 'Folder for the archive of artifact `folder`; default: the temporary folder of the runner.',
    }),
    ...registryInputs,
  }),
  outputs: {
    release: 'The release, as JSON: app, version, commit and the digest of each service.',
    digest: 'sha256:… of the result.',
    sbom: 'Path of the CycloneDX list of what the lockfile brings in.',
    verdict: 'pass or fail.',
  },
  conflicts: (inputs) => [
    ...loginIsWhole(inputs),
    ...(inputs.artifact === 'folder' && inputs.image !== ''
      ? [
          new Failure('INPUT_CONFLICT', 'artifact: folder builds no image, but image is given', {
            field: 'image',
            hint: 'Leave image empty, or set artifact: image.',
          }),
        ]
      : []),
  ],
})

export type Inputs = z.output<typeof action.inputs>
