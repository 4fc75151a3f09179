import { ConfigurationError } from './errors.js'

/**
 * Refuses an append in which two events have one id: only one of them could be stored.
 *
 * @throws {ConfigurationError}
 */
export function checkDistinctIds(events: readonly { readonly id: string }[]): void {
  if (events.length < 2) return
  const seen = new Set<string>()
  for (const { id } of events) {
    if (seen.has(id))
      throw new ConfigurationError(`event id ${id} stands twice in one append: give each event an id of its own`)
    seen.add(id)
  }
}
