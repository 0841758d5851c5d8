import { randomBytes } from 'node:crypto'
import { readFile, readlink } from 'node:fs/promises'

/**
 * Names this process so that another run on the same machine can prove that it is dead:
 * `BOOT:PID_NAMESPACE:PID:START:TOKEN`. The start time is field 22 of /proc/PID/stat, see proc(5); with it a pid that was
 * given out again is not taken for us. The token tells two holders in one process apart.
 */
export async function processIdentity(): Promise<string> {
  const token = randomBytes(6).toString('hex')
  const [boot, space, stat] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    readlink('/proc/self/ns/pid'),
    readFile('/proc/self/stat', 'utf8'),
  ])
  // The second field is the program's name in parentheses and may hold anything, even these.
  const fromThird = stat.slice(stat.lastIndexOf(') ') + 2).split(' ')
  return [boot.trim(), space.replaceAll(/\D/g, ''), process.pid, fromThird[19], token].join(':')
}
