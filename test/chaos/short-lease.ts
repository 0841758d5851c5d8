// A deploy in a process of its own whose lease ends soon: `node short-lease.ts RELEASE TTL_MS`, in the team's checkout. It is what
// actions/deploy-bluegreen does, but for the length of the lease, which no input can change.
import { asFailure } from '#kernel'
import { deploy } from '#operations'
import { lineOf } from '#runner'
import { policyOf, readSettings, resolveRelease } from '#suite'
import { openEnvironment } from '#suite/open'
import { action } from '../../actions/deploy-bluegreen/inputs.ts'
import { briskInputs } from '../e2e/ground.ts'
import { sessionOf } from '../suite/session.ts'

const [given = '', ttl = ''] = process.argv.slice(2)
const environment = Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? '']))
const session = sessionOf({ ...briskInputs, bake: '2s', successes: '20', release: given }, environment)
const { inputs, config } = await readSettings(action, session)
const place = { app: inputs.app, environment: inputs.environment }
const release = resolveRelease(inputs.release, place, inputs, config)
const ports = await openEnvironment({ ...inputs, ...place }, (event) => console.log(lineOf(event) ?? ''))
try {
  const lease = { owner: `short ${process.pid}`, ttlMs: Number(ttl), waitMs: 5000 }
  const order = {
    mode: 'deploy',
    release,
    secrets: {},
    strategy: 'blue-green',
    policy: policyOf(inputs),
    lease,
  } as const
  await deploy(order, ports, new AbortController().signal)
  console.log('[DONE]')
} catch (thrown) {
  const { code, message } = asFailure(thrown)
  console.log(`[${code}] ${message}`)
}
