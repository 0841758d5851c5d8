import type { CookieKeeper } from '../cookie-keeper.ts'

/** Keeps cookies as a browser does: by domain, path, expiry and `Secure`; loopback counts as secure. For one visitor. */
export interface CookieJar extends CookieKeeper {
  valueOf(name: string, url: URL): string | undefined
}

/** Loaded late: most runs have no flow, and the list of public suffixes is most of the library. */
export async function cookieJar(): Promise<CookieJar> {
  const { CookieJar: Jar } = await import('tough-cookie')
  const jar = new Jar(undefined, { allowSpecialUseDomain: true, rejectPublicSuffixes: true })
  return {
    headerFor: (url) => jar.getCookieStringSync(url.href),
    keep(url, lines) {
      // A cookie that a browser would refuse is no fault of the answer.
      for (const line of lines) jar.setCookieSync(line, url.href, { ignoreError: true })
    },
    valueOf: (name, url) => jar.getCookiesSync(url.href).find(({ key }) => key === name)?.value,
  }
}
