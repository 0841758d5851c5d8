/** What the router's things are called, and how they are told from everything else on the engine. */
export interface Names {
  readonly app: string
  readonly environment: string
  readonly network: string
  readonly container: string
  labels(role: string): string[]
}

export function namesOf(app: string, environment: string): Names {
  const network = `switchyard-${app}-${environment}`
  return {
    app,
    environment,
    network,
    container: `${network}-router`,
    labels: (role) =>
      Object.entries({ app, environment, role }).map(([key, value]) => `--label=switchyard.${key}=${value}`),
  }
}
