/** Text made safe to stand in HTML and SVG, in content and in quoted attributes. */
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`)
}

/** An SVG element. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  ...content: readonly string[]
): string {
  const pairs = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${escape(String(typeof value === 'number' ? Math.round(value * 100) / 100 : value))}"`,
  )
  return `<${name}${pairs.join('')}>${content.join('')}</${name}>`
}

/** A whole number with thin spaces between thousands. */
export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, '\u202f')
}

/** A time for people: `340 ms`, `1.2 s`. */
export function shownMs(ms: number): string {
  if (ms === 0) return '0 ms'
  if (ms < 1) return `${ms.toFixed(2)} ms`
  return ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}
