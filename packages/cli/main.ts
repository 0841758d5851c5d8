import { runCli } from './run.ts'

process.exitCode = await runCli(process.argv.slice(2), {
  environment: process.env,
  out: process.stdout,
  err: process.stderr,
})
