const palette: Readonly<Record<string, string>> = {
  v1: '#6b7f99',
  v2: '#2f74c0',
  v3: '#a3a3a3',
  v4: '#d6493f',
  v5: '#1f9a86',
  v6: '#8157c9',
}

/** A release's colour, the same in every plot. */
export function colourOf(version: string): string {
  return palette[version] ?? '#9a9a9a'
}
