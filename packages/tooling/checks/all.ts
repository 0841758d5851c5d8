import { architecture } from './architecture.ts'
import { bundlesCurrent } from './bundles.ts'
import type { Check } from './check.ts'
import { contents } from './contents.ts'
import { format } from './format.ts'
import { generatedFiles } from './generated.ts'
import { lint } from './lint.ts'
import { lock } from './lock.ts'
import { skips } from './skips.ts'
import { start } from './start.ts'
import { types } from './types.ts'

/** Every check; the long ones first, as two run at a time. */
export const checks: readonly Check[] = [
  bundlesCurrent,
  lint,
  types,
  architecture,
  start,
  format,
  generatedFiles,
  contents,
  lock,
  skips,
]
