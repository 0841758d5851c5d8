export * from './addresses.ts'
export type { FieldMeta } from './field.ts'
export * from './lists.ts'
export * from './words.ts'
