import type { Assertion, ProbeRequest } from '#kernel'
import type { Capture } from './capture.ts'

/** A value of a variable. Captured ones keep their JSON type, so that a number goes on as a number. */
export type Value = string | number | boolean

/** By name; those of secrets begin with `secrets.`. */
export type Values = ReadonlyMap<string, Value>

/** Something that must hold, with placeholders still in its path or value. */
export interface ExpectedOf {
  readonly assertion: Assertion
  /** The variable that is the whole of what it is compared with: `$.total == {{total}}`. */
  readonly valueFrom: string | null
}

export interface FlowStep {
  readonly name: string
  readonly method: string
  /** A path, a URL, or one placeholder alone; placeholders in it are not filled yet, as in all texts here. */
  readonly target: string
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: { readonly kind: 'json' | 'form' | 'text'; readonly content: unknown } | null
  readonly expect: readonly ExpectedOf[]
  readonly captures: readonly Capture[]
  readonly redirects: NonNullable<ProbeRequest['redirects']>
  readonly timeoutMs: number | null
  /** Variables that it needs. */
  readonly needs: readonly string[]
  /** Where it stands in the file, from 1. */
  readonly line: number
}

/** Requests one after another, as one visitor makes them. */
export interface Flow {
  /** The name of its file, without its ending. */
  readonly name: string
  readonly path: string
  /** The file as it is. */
  readonly text: string
  readonly steps: readonly FlowStep[]
}
