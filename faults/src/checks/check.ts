import type { Evidence } from '../history/evidence.js'

/** What the checks are called by: the invariants of the store, and what an experiment demands besides. */
export type CheckName =
  'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9' | 'I10' | 'I11' | 'I12' | 'requirements'

/** One promise, and how a history is searched for what breaks it. */
export interface Check {
  readonly name: CheckName
  readonly promise: string
  /** Whether the history holds anything that the promise is about. */
  readonly applies: (evidence: Evidence) => boolean
  /** Yields one line for each breach. */
  readonly breaches: (evidence: Evidence) => Iterable<string>
}
