import type { ActionResult, ActionSession } from '#runner'
import { readSettings } from '#suite'
import type { z } from 'zod'

/** What help and flags are made from. */
export interface Definition {
  readonly inputs: z.ZodObject
}

/** One word of the command line: an action's inputs as flags, and what it does. Loaded when it is asked for. */
export interface CliCommand {
  readonly summary: string
  readonly load: () => Promise<{
    readonly definition: Definition
    readonly run: (session: ActionSession) => Promise<ActionResult>
  }>
  /** The input that a first word without dashes is for. */
  readonly subject?: string
  /** Inputs that the word itself decides. */
  readonly fixed?: Readonly<Record<string, string>>
  /** Its outputs are what it prints, also without --json. */
  readonly prints?: string
}

const loadDeploy: CliCommand['load'] = async () => {
  const [{ action }, { deployCommand }] = await Promise.all([
    import('../../actions/deploy-bluegreen/inputs.ts'),
    import('../../actions/deploy-bluegreen/command.ts'),
  ])
  return { definition: action, run: async (session) => deployCommand(session, await readSettings(action, session)) }
}

export const commands: Readonly<Record<string, CliCommand>> = {
  build: {
    summary: 'run the checks, build once, name the result by its digest',
    load: async () => {
      const [{ action }, { buildCommand }] = await Promise.all([
        import('../../actions/build-scan/inputs.ts'),
        import('../../actions/build-scan/command.ts'),
      ])
      return { definition: action, run: async (session) => buildCommand(session, await readSettings(action, session)) }
    },
  },
  migrate: {
    summary: 'migrate the database with a proven way back',
    load: async () => {
      const [{ action }, { migrateCommand }] = await Promise.all([
        import('../../actions/migrate/inputs.ts'),
        import('../../actions/migrate/command.ts'),
      ])
      return {
        definition: action,
        run: async (session) => migrateCommand(session, await readSettings(action, session)),
      }
    },
  },
  deploy: { summary: 'bring a release live without losing a request', load: loadDeploy },
  setup: {
    summary: 'prepare hosts that have only Docker: router, network, state folder',
    load: loadDeploy,
    fixed: { mode: 'setup' },
  },
  plan: { summary: 'print what deploy would do; change nothing', load: loadDeploy, fixed: { mode: 'plan' } },
  promote: { summary: 'finish a staged or half-shifted release', load: loadDeploy, fixed: { mode: 'promote' } },
  reject: { summary: 'send a staged or half-shifted release away', load: loadDeploy, fixed: { mode: 'reject' } },
  verify: {
    summary: 'probe an address and give a verdict with evidence',
    load: async () => {
      const [{ action }, { verifyCommand }] = await Promise.all([
        import('../../actions/verify-health/inputs.ts'),
        import('../../actions/verify-health/command.ts'),
      ])
      return { definition: action, run: async (session) => verifyCommand(session, await readSettings(action, session)) }
    },
  },
  rollback: {
    summary: 'back to the release that was good; needs no argument',
    load: async () => {
      const [{ action }, { rollbackCommand }] = await Promise.all([
        import('../../actions/rollback/inputs.ts'),
        import('../../actions/rollback/command.ts'),
      ])
      return {
        definition: action,
        run: async (session) => rollbackCommand(session, await readSettings(action, session)),
      }
    },
  },
  deliver: {
    summary: 'the whole chain: build, migrate, deploy, verify; back on failure',
    load: async () => {
      const [{ action }, { deliverCommand }] = await Promise.all([
        import('../../actions/deliver/inputs.ts'),
        import('../../actions/deliver/command.ts'),
      ])
      return {
        definition: action,
        run: async (session) => deliverCommand(session, await readSettings(action, session)),
      }
    },
  },
  status: {
    summary: 'what is live, what is warm, who holds the environment',
    load: async () => {
      const { statusCommand, lookAction } = await import('./look.ts')
      return { definition: lookAction, run: statusCommand }
    },
    prints: 'status',
  },
  history: {
    summary: 'releases of the environment, newest first',
    load: async () => {
      const { historyCommand, lookAction } = await import('./look.ts')
      return { definition: lookAction, run: historyCommand }
    },
    prints: 'history',
  },
  logs: {
    summary: 'the last output of a slot',
    load: async () => {
      const { logsCommand, logsAction } = await import('./look.ts')
      return { definition: logsAction, run: logsCommand }
    },
    prints: 'logs',
  },
  remove: {
    summary: 'take an app off its hosts; the others are left alone',
    load: async () => {
      const { removeAction, removeCommand } = await import('./remove.ts')
      return { definition: removeAction, run: removeCommand }
    },
    subject: 'app',
  },
}

/** The actions' own names work as well. */
export const aliases: Readonly<Record<string, string>> = {
  'build-scan': 'build',
  'deploy-bluegreen': 'deploy',
  'verify-health': 'verify',
}
