import { join } from 'node:path'

/** The folder of the checkout this tooling belongs to. */
export const root = join(import.meta.dirname, '..', '..')
