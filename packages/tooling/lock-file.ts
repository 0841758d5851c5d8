/** The part of a package-lock.json that is looked at here. */
export interface Lock {
  packages: Record<string, Locked>
}

export interface Locked {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly dev?: boolean
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** The optional packages that others ask for and the lock file does not have. */
export function missingFrom({ packages }: Lock): readonly { readonly name: string; readonly version: string }[] {
  return Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !packages[`node_modules/${name}`] && !packages[`${place}/node_modules/${name}`])
      .map(([name, version]) => ({ name, version })),
  )
}
