import type { Answered } from '../assert.ts'

/** Values that must not be seen, in every form in which they may stand in a text. */
export interface Concealer {
  add(value: string): void
  /** The text with every such value replaced by `***`. */
  text(text: string): string
  answer(answer: Answered): Answered
}

export function concealer(): Concealer {
  const forms = new Set<string>()
  const text = (whole: string) => {
    let shown = whole
    // The longest first: one value may hold another.
    for (const form of [...forms].sort((one, other) => other.length - one.length)) {
      if (shown.includes(form)) shown = shown.replaceAll(form, '***')
    }
    return shown
  }
  return {
    add(value) {
      if (value === '') return
      const json = JSON.stringify(value).slice(1, -1)
      const form = new URLSearchParams({ '': value }).toString().slice(1)
      for (const each of [value, json, encodeURIComponent(value.toWellFormed()), form]) forms.add(each)
    },
    text,
    answer: ({ status, headers, body }) => ({
      status,
      headers: headers && Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, text(value)])),
      body: body === undefined ? undefined : text(body),
    }),
  }
}
