/** A URL as people and logs may see it: without credentials, query values and fragment, which may all hold secrets. */
export function shownUrl(url: string | URL): string {
  const parsed = URL.parse(String(url))
  if (parsed === null) return 'a URL that does not parse'
  // A name, as in `container:web`, has no slashes.
  const slashes = parsed.host === '' ? '' : '//'
  return `${parsed.protocol}${slashes}${parsed.host}${parsed.pathname}${parsed.search === '' ? '' : '?…'}`
}
