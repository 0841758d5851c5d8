import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { OwnCertificate } from '../../packages/routers/ingress/tls/own-certificate.ts'

const run = promisify(execFile)

/** A certificate for these names that signs itself, and its key. */
export async function makeCertificate(names: readonly string[]): Promise<OwnCertificate> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-certificate-'))
  try {
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
    const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30']
    const subject = [
      '-subj',
      '/CN=of tests',
      '-addext',
      `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}`,
    ]
    await run('openssl', [...words, ...subject, '-keyout', key, '-out', certificate], { timeout: 30_000 })
    return { certificate: await readFile(certificate, 'utf8'), key: await readFile(key, 'utf8') }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
