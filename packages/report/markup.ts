/** What no XML 1.0 text may hold, also not escaped: control characters, and halves of a character. */
const unfit = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g

/** Text made safe to stand in XML, HTML and SVG, in content and in quoted attributes. */
export function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(unfit, '\ufffd')
    .replace(/[&<>"'`]/g, (mark) => `&#${mark.charCodeAt(0)};`)
}

/** At most so many characters of a text from outside. */
export function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).toWellFormed()}…`
}

export type Attributes = Readonly<Record<string, string | number>>

/** An element. The content is markup already; the attributes are text. */
export function element(name: string, attributes: Attributes, ...content: readonly string[]): string {
  const pairs = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${escaped(String(typeof value === 'number' ? Math.round(value * 100) / 100 : value))}"`,
  )
  return `<${name}${pairs.join('')}>${content.join('')}</${name}>`
}
