import { ProjectionDefinitionError } from '../errors.js'

/**
 * What becomes of an event that a projection keeps failing on.
 *
 * `stop`: the projection stands still until it is resumed, and nothing is out of order. `park`: the event and the later ones of its stream are set
 * aside, and the others go on; the rows that lack them are marked. `skip`: the event is left out for good, which is recorded.
 */
export type PoisonPolicy = 'stop' | 'park' | 'skip'

export interface PoisonRules {
  /** `stop` unless said. */
  readonly policy?: PoisonPolicy
  /** How often a batch is tried again, with growing pauses, before the policy comes in; 3 unless said. */
  readonly retries?: number
}

/** @throws {ProjectionDefinitionError} */
export function poisonRulesOf(
  projection: string,
  { policy = 'stop', retries = 3 }: PoisonRules = {},
): Required<PoisonRules> {
  if (!['stop', 'park', 'skip'].includes(policy))
    throw new ProjectionDefinitionError(projection, `its poison policy is "${policy}": it can be stop, park or skip`)
  if (!Number.isInteger(retries) || retries < 0 || retries > 100)
    throw new ProjectionDefinitionError(projection, `it cannot have ${retries} retries: a whole number from 0 to 100`)
  return { policy, retries }
}
