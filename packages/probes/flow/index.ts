export type { Flow, FlowStep } from './flow.ts'
export { parseFlow } from './parse.ts'
export { runFlow } from './run.ts'
export type { FlowEvidence, FlowOrder } from './run.ts'
