/** A program that is delivered as one folder below dist. */
export interface Bundle {
  /** The folder below dist. */
  readonly name: string
  /** The source file it starts at, from the root of the repository. */
  readonly entry: string
  /** What the bundle is when it is started: decides how a check starts it. */
  readonly kind: 'action' | 'command' | 'resident'
}

const action = (name: string): Bundle => ({ name, entry: `actions/${name}/main.ts`, kind: 'action' })

/** Every bundle of the repository. */
export const bundles: readonly Bundle[] = [
  action('build-scan'),
  action('migrate'),
  action('deploy-bluegreen'),
  action('verify-health'),
  action('rollback'),
  action('deliver'),
  { name: 'cli', entry: 'packages/cli/main.ts', kind: 'command' },
  { name: 'router', entry: 'packages/suite/resident.ts', kind: 'resident' },
]
