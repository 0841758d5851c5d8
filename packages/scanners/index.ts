import type { Scanner, Shell } from '#kernel'

/** What a scanner is made from. */
export interface ScannerContext {
  /** Commands on the machine this program runs on. */
  readonly runner: Shell
}

/** One kind of scanner. Adding one is a file and a line here. */
export interface ScannerEntry {
  readonly create: (context: ScannerContext) => Scanner
}

export const scanners: Readonly<Record<string, ScannerEntry>> = {}
