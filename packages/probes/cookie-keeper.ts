/** Carries cookies from answers to later questions. */
export interface CookieKeeper {
  /** The `cookie` header for a URL; empty: none. */
  headerFor(url: URL): string
  /** Takes the `set-cookie` lines of an answer. */
  keep(url: URL, lines: readonly string[]): void
}

/** Every look is a new visitor. */
export const noCookies: CookieKeeper = { headerFor: () => '', keep: () => undefined }
