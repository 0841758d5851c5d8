/** Whose it is to mend: the user's (configuration), the world's (a tool, a host, a network), or ours (a bug). */
export type FailureKind = 'user' | 'world' | 'ours'

/** Every code a failure can carry; stable, documented in docs/failures.md (generated from this table). */
export const failureCodes = {
  INPUT_MISSING: { kind: 'user', meaning: 'A required input was not given.' },
  INPUT_INVALID: { kind: 'user', meaning: 'An input has a value that cannot be used.' },
  INPUT_UNKNOWN: { kind: 'user', meaning: 'An input or key is not known.' },
  INPUT_CONFLICT: { kind: 'user', meaning: 'Two inputs contradict each other.' },
  CONFIG_UNREADABLE: { kind: 'user', meaning: 'The configuration file cannot be read or is not valid YAML.' },
  CONFIG_INVALID: { kind: 'user', meaning: 'The configuration file has a key or value that cannot be used.' },
  THRESHOLD_INVALID: { kind: 'user', meaning: 'A check such as "p95 < 500ms" does not parse.' },
  METRIC_INVALID: {
    kind: 'user',
    meaning: 'A metric is not defined as "name = source query", or its source refuses the query.',
  },
  ASSERTION_INVALID: { kind: 'user', meaning: 'What an answer must say, such as "status == 200", does not parse.' },
  FLOW_INVALID: {
    kind: 'user',
    meaning: 'A smoke flow has a step that cannot be used, or needs a variable that nothing gives.',
  },
  CERTIFICATE_UNTRUSTED: {
    kind: 'world',
    meaning: 'A certificate is signed by nobody known, and nobody permitted that.',
  },
  NAME_UNRESOLVED: { kind: 'world', meaning: 'A host name does not resolve; nothing was probed.' },
  RELEASE_INVALID: { kind: 'user', meaning: 'The release is neither name@sha256:… nor the JSON of build-scan.' },
  RELEASE_BAD: {
    kind: 'user',
    meaning: 'This digest was rolled back before; force and a reason are needed to deploy it again.',
  },
  RELEASE_UNKNOWN: { kind: 'user', meaning: 'The named release is not in the history of this environment.' },
  NOTHING_STAGED: { kind: 'user', meaning: 'promote or reject found no staged or half-shifted release.' },
  NO_PREVIOUS: { kind: 'user', meaning: 'There is no previous good release to return to.' },
  MASK_SWALLOWS_OUTPUT: { kind: 'user', meaning: 'An output contains a secret; the runner would drop it.' },
  PLATFORM_UNSUPPORTED: { kind: 'user', meaning: 'This machine is not Linux on x64 or arm64.' },
  COMMAND_FAILED: { kind: 'world', meaning: 'A command ended with another exit code than 0.' },
  COMMAND_TIMEOUT: { kind: 'world', meaning: 'A command ran longer than its time limit and was ended.' },
  COMMAND_MISSING: { kind: 'world', meaning: 'A program that is needed was not found.' },
  OUTPUT_UNREADABLE: { kind: 'world', meaning: 'A tool printed something that cannot be understood.' },
  PORT_IN_USE: { kind: 'world', meaning: 'A port that is needed is held by another program.' },
  HOST_UNREACHABLE: { kind: 'world', meaning: 'A host cannot be reached.' },
  HOST_KEY_UNKNOWN: { kind: 'user', meaning: 'known-hosts does not name the key of a host.' },
  HOST_KEY_CHANGED: { kind: 'world', meaning: 'A host shows another key than known-hosts names.' },
  HOST_REFUSED: { kind: 'user', meaning: 'A host does not accept the user or the key.' },
  CONNECTION_LOST: {
    kind: 'world',
    meaning: 'The connection to a host broke off; the next run looks at what is there and finishes or undoes it.',
  },
  HOST_NOT_READY: { kind: 'world', meaning: 'A host lacks something that is needed.' },
  HOST_NOT_SET_UP: {
    kind: 'user',
    meaning: 'A host was never set up, and setup: required says that it must have been.',
  },
  DOCKER_MISSING: { kind: 'world', meaning: 'No Docker Engine answers.' },
  DOCKER_REFUSED: { kind: 'user', meaning: 'The user on the host may not speak to Docker Engine.' },
  COMPOSE_MISSING: { kind: 'world', meaning: 'There is no docker compose, or it is too old.' },
  COMPOSE_INVALID: { kind: 'user', meaning: 'docker compose cannot read the project.' },
  COMPOSE_UNSUPPORTED: {
    kind: 'user',
    meaning: 'The compose file asks for something that cannot be had while two releases run side by side.',
  },
  COMPOSE_RUNNING: {
    kind: 'user',
    meaning: 'A service that releases replace runs already, started by docker compose itself.',
  },
  IMAGE_MISSING: { kind: 'world', meaning: 'The image does not exist where it is needed.' },
  IMAGE_PLATFORM: { kind: 'user', meaning: 'The image is for another platform than the host.' },
  REGISTRY_REFUSED: { kind: 'user', meaning: 'The registry does not accept the login.' },
  NO_ROOM: { kind: 'world', meaning: 'The host has no memory or no disk for a second slot; nothing was changed.' },
  ROUTER_UNREACHABLE: { kind: 'world', meaning: 'The router does not answer.' },
  ROUTER_DISAGREES: { kind: 'world', meaning: 'The router does not show the change that was made.' },
  DOMAIN_ELSEWHERE: {
    kind: 'user',
    meaning: 'A domain does not lead to the host, so that no certificate can be had for it; nothing was changed.',
  },
  CERTIFICATE_INVALID: {
    kind: 'user',
    meaning: "The team's own certificate for HTTPS cannot be used; nothing was changed.",
  },
  CERTIFICATE_FAILED: {
    kind: 'world',
    meaning: 'The ACME server gave no certificate for a domain; no release was started.',
  },
  ROUTE_TAKEN: { kind: 'user', meaning: 'Another app on the host answers for a route already; nothing was changed.' },
  NGINX_BROKEN: {
    kind: 'user',
    meaning: 'The nginx that the team runs has a fault in its configuration; nothing was changed.',
  },
  LEASE_HELD: { kind: 'world', meaning: 'Another run holds the environment.' },
  LEASE_LOST: { kind: 'world', meaning: 'This run lost the environment to another one and changed nothing more.' },
  START_FAILED: { kind: 'world', meaning: 'The release did not start.' },
  GATE_FAILED: { kind: 'world', meaning: 'The release did not pass its gate; it got no request.' },
  CONFIRM_FAILED: { kind: 'world', meaning: 'The front does not answer from the slot that was switched to.' },
  HOST_FAILED: { kind: 'world', meaning: 'Another of the hosts failed; what was done on this one was taken back.' },
  HOOK_FAILED: {
    kind: 'world',
    meaning: 'A command of before-shift or after-shift failed; the release before has the traffic.',
  },
  BAKE_FAILED: { kind: 'world', meaning: 'The release broke a threshold while it was watched; traffic was returned.' },
  BOTH_SICK: {
    kind: 'world',
    meaning: 'Neither slot passes its gate; traffic was left where it is, or off where one had to end first.',
  },
  VERDICT_FAIL: { kind: 'world', meaning: 'The verdict is fail.' },
  VERDICT_ERROR: { kind: 'user', meaning: 'A check could not be judged, because what it asks is refused.' },
  VERDICT_INCONCLUSIVE: { kind: 'world', meaning: 'There is not enough evidence for a verdict.' },
  BUILD_FAILED: { kind: 'world', meaning: 'A build step or one of its checks failed.' },
  MIGRATION_FAILED: { kind: 'world', meaning: 'A migration failed.' },
  MIGRATION_HISTORY: { kind: 'world', meaning: 'The history of migrations is not what was expected.' },
  BACKUP_FAILED: {
    kind: 'world',
    meaning: 'The backup, or the proof that it restores, failed; the database is unchanged.',
  },
  ROLLBACK_REFUSED: { kind: 'world', meaning: 'A rollback would lose data or send traffic to a sick release.' },
  DATABASE_BUSY: { kind: 'world', meaning: 'The database is locked by someone else.' },
  CANCELLED: { kind: 'world', meaning: 'The run was cancelled; it ended in a safe state.' },
  INTERNAL: { kind: 'ours', meaning: 'A bug in Switchyard.' },
} as const satisfies Record<string, { kind: FailureKind; meaning: string }>

export type FailureCode = keyof typeof failureCodes

export interface FailureDetail {
  /** The next thing to do, naming the exact input, file or permission. */
  readonly hint?: string
  /** The input or configuration key at fault. */
  readonly field?: string
  readonly cause?: unknown
}

/** An expected way to fail: a stable code, what happened, and what to do next. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: FailureCode
  readonly hint: string | undefined
  readonly field: string | undefined

  constructor(code: FailureCode, what: string, detail: FailureDetail = {}) {
    super(what, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.code = code
    this.hint = detail.hint
    this.field = detail.field
  }

  get kind(): FailureKind {
    return failureCodes[this.code].kind
  }
}

/** Turns anything thrown into a Failure: expected ones pass, everything else is a bug of ours with its cause kept. */
export function asFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown
  const what = thrown instanceof Error ? thrown.message : String(thrown)
  return new Failure('INTERNAL', what, {
    cause: thrown,
    hint: 'This is a bug in Switchyard; please report it with the trace.',
  })
}
