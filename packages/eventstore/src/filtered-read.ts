import type { Database } from './database.js'
import type { RecordedEvent } from './event.js'
import type { LogFilter } from './log-source.js'
import { selectLog } from './sql/select-log.js'
import { selectNextPosition } from './sql/select-next-position.js'
import type { Tenancy } from './tenancy.js'

export interface FilteredRange extends LogFilter {
  /** Exclusive. */
  readonly after: bigint
  /** Inclusive. */
  readonly upTo: bigint
  readonly limit: number
}

export interface FilteredPage {
  readonly events: readonly RecordedEvent[]
  /** What matches at or below this position is in the page. */
  readonly through: bigint
}

/** From this share of matching events on, passing the others is cheaper than looking each type up. */
const denseFrom = 0.1
/** How many positions a scan passes at most, as a multiple of the page: a statement stays short whatever matches. */
const scanFactor = 50n

/**
 * Reads the log by a filter in the way that suits how many events match, as far as the pages before have shown.
 *
 * Where many match, the log is passed in order, in bounded steps. Where few do, each type is looked up by its index, which costs what the
 * type has and not what the log has. Both are exact; the choice is only about speed.
 */
export class FilteredReader {
  private readonly dense = new Set<string>()

  constructor(
    private readonly database: Database,
    private readonly tenancy: Pick<Tenancy, 'enabled'>,
  ) {}

  async read({ after, upTo, limit, types, knownTypes, categories, shard }: FilteredRange): Promise<FilteredPage> {
    const unfiltered = types === undefined && categories === undefined && shard === undefined
    const key = JSON.stringify([types, categories, shard])
    // So few events are passed sooner than looked up.
    const isShort = upTo - after <= BigInt(limit)
    const typesBy = types === undefined || isShort || this.dense.has(key) ? 'scan' : 'index'
    const furthest = after + BigInt(limit) * scanFactor
    const target = !unfiltered && typesBy === 'scan' && furthest < upTo ? furthest : upTo
    const tenants = await this.tenancy.enabled()
    const events = await selectLog(this.database, {
      ...{ after, upTo: target, limit, types, knownTypes, categories, shard, typesBy, tenants },
    })
    const last = events.at(-1)
    let through = events.length >= limit && last ? last.position : target
    if (!last && target < upTo) {
      // A restarted sequence leaves gaps that would take for ever in steps.
      const next = (await selectNextPosition(this.database, target)) ?? upTo + 1n
      through = next <= upTo ? next - 1n : upTo
    }
    if (types !== undefined && through > after) {
      if (events.length / Number(through - after) >= denseFrom) this.dense.add(key)
      else this.dense.delete(key)
    }
    return { events, through }
  }
}
