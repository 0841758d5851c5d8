// Opens the host that SWITCHYARD_TEST_SSH says, and stays. `node ssh-holder.ts`; says when it is open.
import { sshShell } from '#runner'
import type { SshOptions } from '#runner'

const shell = await sshShell(JSON.parse(process.env['SWITCHYARD_TEST_SSH'] ?? '{}') as SshOptions)
await shell.run({ argv: ['true'] })
console.log('open')
setInterval(() => undefined, 60_000)
