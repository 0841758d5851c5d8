import { join, resolve } from 'node:path'
import { asFailure } from '#kernel'
import { summarise } from '#github'
import { folderBuilder, imageBuilder, readChecks, stocktaker, workbench } from '#images'
import { buildScan } from '#operations'
import { localShell, systemClock } from '#runner'
import type { ActionResult, ActionSession } from '#runner'
import { scanners } from '#scanners'
import { appName, recorder } from '#suite'
import type { Settings } from '#suite'
import type { Inputs } from './inputs.ts'

/** Runs the checks, builds once, and names the result by its digest. What it makes in between is gone when it ends. */
export async function buildCommand(session: ActionSession, settings: Settings<Inputs>): Promise<ActionResult> {
  if (session.stage === 'post') return { outputs: {} }
  const { inputs, workspace } = settings
  const { events, tell } = recorder(session)
  const { environment } = session
  const temporary = environment['RUNNER_TEMP'] ?? join(workspace, '.switchyard')
  const output = inputs.output === '' ? join(temporary, 'switchyard-artifacts') : resolve(workspace, inputs.output)
  const context = resolve(workspace, inputs.context)
  const bench = workbench({ environment, transcript: session.transcript, clock: systemClock })
  const shell = localShell()
  const app = appName(inputs.app, session, workspace)
  const login =
    inputs['registry-username'] === ''
      ? null
      : { username: inputs['registry-username'], password: inputs['registry-password'] }
  const title = `Build ${app}`
  try {
    const builder =
      inputs.artifact === 'folder'
        ? folderBuilder({ context, output, ignore: inputs.ignore })
        : imageBuilder({
            workbench: bench,
            shell,
            context,
            dockerfile: inputs.dockerfile && resolve(workspace, inputs.dockerfile),
            image: inputs.image,
            login,
            app,
            temporary,
          })
    const report = await buildScan(
      {
        app,
        services: [inputs.service],
        version: inputs.version,
        commit: environment['GITHUB_SHA'] ?? '',
        checks: readChecks(inputs.run, workspace),
      },
      {
        workbench: bench,
        builder,
        stocktaker: stocktaker({ workbench: bench, context, output }),
        scanners: Object.values(scanners).map((entry) => entry.create({ runner: shell })),
        clock: systemClock,
        listener: { tell },
      },
      session.signal,
    )
    const bill = 'missing' in report.inventory ? null : report.inventory
    const rows = [
      ['digest', report.digest],
      ['checks', report.checks.map((check) => check.line).join(', ') || 'none'],
      ['bill of materials', bill === null ? 'none' : `${bill.components} components`],
    ] as const
    const summary = summarise({
      title,
      headline: `✅ built ${report.artifact.ref}`,
      release: null,
      previous: null,
      rows,
      events,
      next: '',
    })
    return {
      outputs: {
        release: JSON.stringify(report.release),
        digest: report.digest,
        sbom: bill?.path ?? '',
        verdict: 'pass',
      },
      summary,
    }
  } catch (thrown) {
    const failure = asFailure(thrown)
    const summary = summarise({
      title,
      headline: `❌ [${failure.code}] ${failure.message}`,
      release: null,
      previous: null,
      rows: [],
      events,
      next: failure.hint ?? '',
    })
    return { outputs: { verdict: 'fail' }, summary, failure }
  }
}
