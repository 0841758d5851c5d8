import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { Failure, nearestWord } from '#kernel'
import type { ProbeRequest } from '#kernel'
import { checkAssertions } from './assert.ts'
import { tlsOptions } from './connect.ts'
import { kindOf, protocols } from './kinds.ts'
import { addressesOf } from './resolve.ts'

/**
 * Could this be asked at all? Its URL, assertions and certificates are read, its name is resolved; nothing is connected to.
 * No text of it is shown but the name of the host: a URL may hold a password.
 * @throws Failure INPUT_INVALID, ASSERTION_INVALID, NAME_UNRESOLVED.
 */
export async function checkRequest(request: ProbeRequest, signal?: AbortSignal): Promise<void> {
  const url = URL.parse(request.url)
  if (url === null)
    throw new Failure('INPUT_INVALID', 'the URL does not parse', {
      field: 'url',
      hint: 'Write it whole, for example https://shop.example.com/health.',
    })
  const kind = kindOf(url.protocol)
  if (kind === undefined)
    throw new Failure('INPUT_INVALID', `${url.protocol.slice(0, 40)} is not a protocol that can be probed`, {
      field: 'url',
      hint: `Did you mean ${nearestWord(url.protocol, protocols)}? Known: ${protocols.join(', ')}.`,
    })
  kind.check(request)
  await checkAssertions(request.assertions ?? [])
  checkTls(request)
  const isByName = kind.connects && request.address === undefined && request.socketPath === undefined
  if (isByName) await addressesOf(url.hostname, signal)
}

function checkTls({ tls }: ProbeRequest): void {
  if (tls === undefined) return
  try {
    // A CA that is none would be passed over in silence, and nothing be trusted.
    if (tls.ca !== undefined) new X509Certificate(tls.ca)
    createSecureContext(tlsOptions(tls))
  } catch (cause) {
    // The library's message can hold a part of the key.
    throw new Failure('INPUT_INVALID', 'a certificate or its key cannot be used', {
      cause,
      hint: 'Give them as PEM texts that belong together.',
    })
  }
}
