import * as field from './fields/index.ts'

/** Which machines, and how to get there. */
export const hostInputs = {
  hosts: field.list({ description: '`user@host[:port]`, one per line; none: this machine.' }),
  'ssh-key': field.block({ description: 'Private key for the hosts.', secret: true }),
  'known-hosts': field.block({ description: "The hosts' public keys, as ssh-keyscan prints them." }),
}

/** Inputs of every action that touches a target. */
export const targetInputs = {
  config: field.text({ description: 'Configuration file; `.github/switchyard.yml` is read where it exists.' }),
  environment: field.name({ description: 'Environment: staging, production, …', default: 'production' }),
  app: field.name({ description: 'Name of the app; default: the name of the repository.' }),
  target: field.text({
    description:
      'Where slots live: `docker`, `compose` or `process`. Default: what the environment has had, else `docker`.',
  }),
  router: field.text({
    description:
      "What sends requests to slots; default: the target's own (`haproxy` for docker and compose, `embedded` for process).",
  }),
  'router-image': field.text({
    description: 'Image of the managed router, by tag or digest; resolved once at set-up and recorded.',
  }),
  ...hostInputs,
  batch: field.batch({
    description: 'How many of several hosts shift traffic at the same time: a number, or a share such as `25%`.',
    default: '1',
  }),
  'state-dir': field.text({
    description: 'Folder on the host where state is kept; default `/var/lib/switchyard`, else `~/.switchyard`.',
  }),
  listen: field.listen({
    description:
      '`port` or `address:port` of the front. Default: what the environment has had, else port 80 (target `process`: 127.0.0.1:8080).',
  }),
  'github-token': field.text({
    description: 'Asks GitHub whether a run that still holds the environment has ended; needs `actions: read`.',
    secret: true,
    fromRunner: '${{ github.token }}',
  }),
  reason: field.text({ description: 'Why; kept in the ledger. Needed with `force`.' }),
  force: field.flag({ description: 'Override a refusal; needs `reason`.' }),
}

/** How clients reach the app on a host that has several. */
export const frontInputs = {
  routes: field.routes({
    description:
      'What the app answers for on a host with several apps, one per line: `shop.example.com` or `shop.example.com/api`. One front takes ports 80 and 443 for all of them. Default: what the environment has had; `none`: the app has a port of its own again.',
  }),
  domain: field.routes({ description: 'The same for whole domains: `shop.example.com`, one per line.' }),
  'http-listen': field.listen({
    description:
      '`port` or `address:port` where the front of the host takes plain HTTP for all its apps. Default: what it has, else 80.',
  }),
  tls: field.optionalChoice(['auto', 'files', 'off'], {
    description:
      'HTTPS of these domains: certificates by ACME, renewed by themselves (`auto`), your own (`files`), or none (`off`). Default: what the environment has had, else `auto`.',
  }),
  'https-listen': field.listen({
    description:
      '`port` or `address:port` where the front takes HTTPS for all its apps. Default: what it has, else 443.',
  }),
  hsts: field.seconds({
    description:
      'How long browsers shall come by HTTPS alone, such as `30d` or `1y`; `0`: not said. Default: what the environment has had, else `0`.',
  }),
  certificate: field.pem('CERTIFICATE', { description: 'Your own certificate for `tls: files`: PEM, with its chain.' }),
  'certificate-key': field.pem('PRIVATE KEY', { description: 'Its key: PEM, without a passphrase.', secret: true }),
  'acme-directory': field.url({
    description: "Directory URL of the ACME server. Default: what the front has, else that of Let's Encrypt.",
  }),
  'acme-email': field.email({ description: 'Address that the authority may write to about certificates.' }),
  'acme-root': field.pem('CERTIFICATE', {
    description: 'Root certificate, as PEM, that a private ACME server is trusted by.',
  }),
  'tls-image': field.text({
    description:
      'Image of what takes TLS off, Caddy 2.8 or later; resolved once and recorded. Default: what it has, else `caddy:2`.',
  }),
  'trusted-proxies': field.networks({
    description:
      'Addresses or networks of proxies before that front, such as a CDN, one per line: what they say in `X-Forwarded-For`, `-Proto` and `-Host` is believed. Default: what the front has; `none`: nobody is believed.',
  }),
  'front-image': field.text({
    description: 'Image of that front, by tag or digest; resolved once and recorded. Default: what it has.',
  }),
}

/** What the app asks of the router, without a new one. */
export const limitInputs = {
  'max-body': field.size({
    description:
      'Largest body of a request, such as `10m` or `1g`; a larger one is answered 413. `-`: any. Default: what the environment has had, else any.',
  }),
  'request-timeout': field.optionalDuration(
    {
      description:
        'How long the app may be silent, before its answer (then 504) and within it; at most `1h`. WebSockets have an hour. Default: what the environment has had, else `1h`.',
    },
    3_600_000,
  ),
}

/** How a slot is proven. */
export const gateInputs = {
  successes: field.whole(
    { min: 1, max: 100 },
    { description: 'Good probes in a row that open the gate.', default: '3' },
  ),
  deadline: field.duration({ description: 'How long the gate may take.', default: '60s' }, 3_600_000),
  'version-path': field.text({
    description: 'Where the JSON body of the health path names the version, dotted; `-` does not look.',
    default: 'version',
  }),
}

/** How a release is watched. */
/** What a window is held against when nothing else was said. */
export const defaultChecks = 'error_rate < 1%'

/** Numbers from elsewhere, for thresholds. */
export const metricInputs = {
  metrics: field.list({
    description:
      'Metrics for `checks`, one per line: `NAME (UNIT) = prometheus QUERY` or `NAME = json URL $.path`; `{{version}}`, `{{previous}}`, `{{slot}}` and `{{window}}` are filled in.',
  }),
  prometheus: field.url({ description: 'Address of Prometheus.' }),
  'prometheus-token': field.text({ description: 'Its bearer token.', secret: true }),
}

export const judgeInputs = {
  checks: field.thresholds({
    description: 'Thresholds, one per line: `error_rate < 1%`, `p95 < 500ms`.',
    default: defaultChecks,
  }),
  'min-samples': field.whole(
    { min: 5, max: 1_000_000 },
    { description: 'Fewest samples for a verdict.', default: '20' },
  ),
  'on-inconclusive': field.choice(['hold', 'continue', 'rollback'], {
    description:
      'What to do without enough evidence: stop here and change nothing (`hold`), go on and say so (`continue`), or go back (`rollback`).',
    default: 'hold',
  }),
}

/** What runs, when there is no configuration file. */
export const appInputs = {
  port: field.whole({ min: 1, max: 65_535 }, { description: 'Port the app listens on.', default: '3000' }),
  'app-protocol': field.choice(['http', 'h2c'], {
    description:
      'What the app speaks: `http` (HTTP/1.1), or `h2c` (HTTP/2 without TLS, for gRPC), which needs router `haproxy`.',
    default: 'http',
  }),
  health: field.urlPath({ description: 'Path that says the app is healthy.', default: '/health' }),
  command: field.text({ description: 'Command of the app, its words split at spaces; needed by target `process`.' }),
  instances: field.whole({ min: 1, max: 16 }, { description: 'How many of each service run.', default: '1' }),
  env: field.pairs({ description: 'Plain settings of the app, KEY=VALUE lines.' }),
  secrets: field.pairs({ description: 'Secret settings of the app, KEY=VALUE lines; masked.', secret: true }),
  requires: field.variables({
    description:
      'Names of variables that `env` or `secrets` must give, one per line; when one is missing or empty, nothing is begun.',
  }),
  'compose-file': field.list({
    description: 'Compose files for target `compose`, one per line; default: those that docker compose finds itself.',
  }),
  profiles: field.list({ description: 'Profiles of the compose file, one per line.' }),
  adopt: field.flag({
    description:
      'Target `compose`: take over the app that `docker compose up -d` runs today. The release is proven first; then the old one is stopped and the front takes its port, with one gap that is printed.',
  }),
}

/** How a release goes live. */
export const releaseInputs = {
  strategy: field.text({
    description:
      '`blue-green`, `canary`, or `recreate` for an app that must not run twice: the old release ends before the new one starts, and clients get 503 meanwhile.',
    default: 'blue-green',
  }),
  steps: field.percentages({
    description: 'Weights of a canary in percent, rising to 100.',
    default: '5, 25, 50, 100',
  }),
  'step-time': field.duration({ description: 'How long each canary step is watched.', default: '1m' }),
  bake: field.duration({
    description: 'How long the release is watched after the shift before it counts as good.',
    default: '1m',
  }),
  'before-shift': field.hooks({
    description:
      'Commands after the gate and before any traffic, one per line: `release: node warm-cache.js`, `host: …` or `runner: …`; without a place, `release`. Words are split at spaces. One that fails takes the release down.',
  }),
  'after-shift': field.hooks({
    description: 'Commands once all traffic has arrived, written alike. One that fails returns the traffic.',
  }),
  'hook-timeout': field.duration(
    { description: 'How long each of these commands may take.', default: '5m' },
    3_600_000,
  ),
  drain: field.duration(
    { description: 'How long the old slot may finish what it is doing.', default: '30s' },
    3_600_000,
  ),
  'keep-warm': field.keepWarm({
    description:
      'The old slot after a good release: running until the next deploy, so that a rollback takes a second; for a time such as `2h`, after which the next run stops it; or stopped at once (`0`).',
    default: 'next-deploy',
  }),
  setup: field.choice(['auto', 'required'], {
    description:
      'A host that was never set up: `auto` says so and does it; `required` fails and asks for `mode: setup`.',
    default: 'auto',
  }),
  retain: field.whole({ min: 1, max: 50 }, { description: 'Releases kept for a cold rollback.', default: '5' }),
}

/** Login to the registry that holds the image. */
export const registryInputs = {
  'registry-username': field.text({ description: 'User of the registry that holds the image.' }),
  'registry-password': field.text({ description: 'Password or token of that user.', secret: true }),
}
