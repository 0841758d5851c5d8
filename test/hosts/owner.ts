// An owner in a process of its own: `node owner.ts ROOT TTL_MS FILE PAUSE_S`. Appends a line to FILE as an effect, over and over,
// until the host refuses; prints before it ends, as that is what kills a command whose reader is dead. Says what happens, a line each.
import { host, hostLease } from '#hosts'
import { localShell, sshShell } from '#runner'
import type { SshOptions } from '#runner'

const [root = '', ttl = '', file = '', pause = '0'] = process.argv.slice(2)
const way = process.env['SWITCHYARD_TEST_SSH']
const shell = way === undefined ? localShell() : await sshShell(JSON.parse(way) as SshOptions)
const opened = await host({ shell, root, app: 'shop', environment: 'production', name: 'this machine' })
const { fence } = await hostLease(opened).acquire(`owner ${process.pid}`, Number(ttl))
console.log(`holds ${fence}`)
const effect = 'printf "%s begin\\n" "$1" >> "$2"; sleep "$3"; printf done; printf "%s end\\n" "$1" >> "$2"'
try {
  for (let at = 0; at < 10_000; at += 1) {
    await opened.act({ argv: ['sh', '-c', effect, 'sh', String(fence), file, pause] })
    if (at === 0) console.log('acted')
  }
} catch (thrown) {
  console.log(`stopped ${(thrown as { code?: string }).code ?? String(thrown)}`)
}
