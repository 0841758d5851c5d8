import type { Plan, Step } from '#kernel'
import type { Member } from './convoy.ts'

/** How the steps of one host keep pace with the other hosts. */
export interface March {
  /** Waits until this step may be taken. */
  before(at: number): Promise<void>
  after(at: number): void
  /** Every host came through: from here on nothing is taken back. */
  isCommitted(): boolean
}

/** Below every weight: the release passed its gate on every host. */
const proven = 0.5
/** All traffic of every host was shifted. */
const shifted = 100.5
/** Above every weight: the release is proven on every host. */
const committed = 101

/** Alone, no step waits; with others, no host shifts further, nor calls the release good, before all have come as far. */
export function marchOf(plan: Plan, convoy: Member | undefined): March {
  if (convoy === undefined) return { before: async () => undefined, after: () => undefined, isCommitted: () => false }
  let isCommitted = false
  let endTurn = () => {}
  return {
    async before(at) {
      const step = plan.steps[at]?.step
      const level = step === undefined ? null : levelOf(step, plan)
      if (step === undefined || level === null) return
      await convoy.reach(level)
      isCommitted = level === committed
      if (step.do === 'shift') endTurn = await convoy.turn()
    },
    after(at) {
      // A shift's turn lasts until it was seen through the front.
      if (plan.steps[at + 1]?.step.do !== 'confirm') endTurn()
    },
    isCommitted: () => isCommitted,
  }
}

function levelOf(step: Step, { slot }: Plan): number | null {
  if (step.do === 'mark' && step.state === 'good') return committed
  // Nobody's commands run before every host is proven, or has shifted.
  if (step.do === 'hook') return step.when === 'before-shift' ? proven : shifted
  // A shift away from the plan's slot only takes back what an earlier run did.
  return step.do === 'shift' && slot !== null && step.weights[slot] > 0 ? step.weights[slot] : null
}
