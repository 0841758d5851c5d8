/**
 * The runner's list of secrets: each added value, each of its lines, and the forms the runner derives from them
 * (base64 at three shifts, JSON, URI).
 */
export class Masker {
  readonly #masked = new Set<string>()

  /** @returns false for an empty value, which the runner warns about */
  add(value: string): boolean {
    const parts = [value.trim(), ...value.split(/\r?\n/).map((line) => line.trim())].filter((part) => part !== '')
    for (const part of parts) for (const form of formsOf(part)) this.#masked.add(form)
    return parts.length > 0
  }

  mask(text: string): string {
    const longestFirst = [...this.#masked].sort((one, other) => other.length - one.length)
    return longestFirst.reduce((masked, secret) => masked.replaceAll(secret, '***'), text)
  }

  /** Whether a text shows a secret. */
  shows(text: string): boolean {
    return [...this.#masked].some((secret) => text.includes(secret))
  }
}

function formsOf(secret: string): string[] {
  const forms = [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]
  // A shifted secret's first and last characters depend on its neighbours; what lies between is what a log can be searched for.
  for (const shift of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)])
      .toString('base64')
      .replace(/=+$/, '')
    const certain = encoded.slice(shift === 0 ? 0 : shift + 1, -1)
    if (certain.length >= 8) forms.push(certain)
  }
  return forms
}
