import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

/** Where test/components/install-workflow-tools.sh keeps what it installs. */
const installed = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'switchyard-tests', 'bin')

/** Lets `describeWith`, and programs that a suite starts, find the installed tools; those in PATH already come first. */
export function findInstalledTools(): void {
  process.env['PATH'] = [process.env['PATH'], installed].filter(Boolean).join(delimiter)
}
