import { getOctokit } from '@actions/github'
import { z } from 'zod'

const ownerName = /^github:([\w.-]{1,100})\/([\w.-]{1,100})\/([1-9]\d{0,18})\/([1-9]\d{0,9})$/

/** `GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}`; needs `actions: read`. */
const runSchema = z.object({ status: z.string().max(50).nullable() })

const timeoutMs = 5000

/**
 * Does GitHub say that the run which an owner's name stands for has ended? A person's name, a run that our token may not
 * see and an API that does not answer are all no: then the lease's own expiry decides.
 */
export async function isRunOver(owner: string, token: string): Promise<boolean> {
  const [, account = '', repo = '', run = '', attempt = ''] = ownerName.exec(owner) ?? []
  if (account === '') return false
  try {
    const { data } = await getOctokit(token).rest.actions.getWorkflowRunAttempt({
      owner: account,
      repo,
      run_id: Number(run),
      attempt_number: Number(attempt),
      request: { signal: AbortSignal.timeout(timeoutMs) },
    })
    return runSchema.parse(data).status === 'completed'
  } catch {
    return false
  }
}
