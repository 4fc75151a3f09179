import { UnknownEventError } from '@tidemark/eventstore'
import {
  blame,
  HandlerFailedError,
  HistoryTruncatedError,
  InvalidRowError,
  rowAt,
  rowHistory,
  type Blame,
  type Column,
  type EventReference,
  type HistoryOptions,
  type Projection,
  type Row,
} from '@tidemark/projections'
import { ProblemError } from '../errors.js'
import { queryValue } from './query-value.js'
import type { ReadContext, Served } from './read-context.js'
import type { HistoryQuery, Moment } from './past-query.js'
import { rowNotFound } from './send-row.js'
import type { ServedModel } from './served-model.js'

/** How many rows are folded from the log at once: each takes the time of all of its events. */
const foldsAtOnce = 8

/** A value of a row before and after an event; absent where the row had none. */
export interface FieldChange {
  readonly before?: unknown
  readonly after?: unknown
}

/** A row as an event left it, as it is sent. */
export interface SentVersion {
  readonly row: Row | null
  readonly event: EventReference
  readonly changes: Readonly<Record<string, FieldChange>>
}

/** A read model, as far as folding its rows takes it. */
interface Foldable {
  readonly projection: Projection
  readonly model: Pick<ServedModel, 'name' | 'key'>
}

/** Tells what rows were, by folding the log; for read models whose rows are each made from one stream. */
export class RowPast {
  private folding = 0

  constructor(private readonly store: ReadContext['store']) {}

  /** @throws {ProblemError} `row-not-found` where there was none; see {@link fold} for the others. */
  async at(served: Served, key: string, moment: Moment, fields: readonly Column[]): Promise<Row> {
    const row = await this.fold(served, key, (text) => rowAt(this.store, served.projection, text, moment))
    if (row === null) throw rowNotFound(served.model.name, key)
    return Object.fromEntries(fields.map(({ property }) => [property, row[property]]))
  }

  /** One page of a row's versions, the oldest first. */
  async history(
    served: Served,
    key: string,
    { after, limit }: HistoryQuery,
  ): Promise<{ readonly data: readonly SentVersion[]; readonly page: { readonly next: string | null } }> {
    return this.fold(served, key, async (text) => {
      const data: SentVersion[] = []
      let before: Row | null | undefined
      for await (const { row, event, changed } of rowHistory(this.store, served.projection, text)) {
        if (event.position > after) {
          if (data.length === limit) return { data, page: { next: String(data.at(-1)?.event.position) } }
          data.push({ row, event, changes: changesBetween(before ?? null, row, changed) })
        }
        before = row
      }
      if (before === undefined) throw rowNotFound(served.model.name, key)
      return { data, page: { next: null } }
    })
  }

  /** Which event set each value of a row last. */
  async blame(served: Foldable, key: string, options: HistoryOptions = {}): Promise<Blame> {
    const blamed = await this.fold(served, key, (text) => blame(this.store, served.projection, text, options))
    if (!blamed) throw rowNotFound(served.model.name, key)
    return blamed
  }

  /**
   * @throws {ProblemError} `not-single-stream`, `history-truncated`, `history-not-foldable`, `overloaded`, or `row-not-found` for what can be no key.
   */
  private async fold<T>({ projection, model }: Foldable, key: string, work: (key: string) => Promise<T>): Promise<T> {
    const { name } = model
    if (!projection.keyedByStream)
      throw new ProblemError(
        'not-single-stream',
        `a row of projection "${name}" is made from the events of more than one stream, so its past is not told here: the command tidemark blame reads the whole log for it, where it works with the database`,
      )
    const text = queryValue(key, model.key.kind)
    if (text === undefined) throw rowNotFound(name, key)
    if (this.folding >= foldsAtOnce)
      throw new ProblemError('overloaded', `${foldsAtOnce} rows are folded from the log already: try again later`, {
        headers: { 'retry-after': '1' },
      })
    this.folding++
    try {
      return await work(text)
    } catch (error) {
      throw asPastProblem(name, key, error)
    } finally {
      this.folding--
    }
  }
}

function changesBetween(before: Row | null, after: Row | null, changed: readonly string[]): SentVersion['changes'] {
  const change = (property: string): FieldChange => ({
    ...(before?.[property] !== undefined && { before: before[property] }),
    ...(after?.[property] !== undefined && { after: after[property] }),
  })
  return Object.fromEntries(changed.map((property) => [property, change(property)]))
}

function asPastProblem(name: string, key: string, error: unknown): unknown {
  if (error instanceof HistoryTruncatedError) {
    const detail = `events that made this row of projection "${name}" were deleted, so its past cannot be told: only the row as it is now is left`
    return new ProblemError('history-truncated', detail, { cause: error })
  }
  if (error instanceof HandlerFailedError || error instanceof InvalidRowError) {
    const detail = `projection "${name}" fails on the event at position ${error.position}, so the past of this row cannot be folded`
    return new ProblemError('history-not-foldable', detail, { cause: error, members: { key: key.slice(0, 512) } })
  }
  if (error instanceof UnknownEventError) {
    const detail = `the stream of this row has an event that this server's code does not know yet: deploy the newer code`
    return new ProblemError('history-not-foldable', detail, { cause: error, members: { key: key.slice(0, 512) } })
  }
  return error
}
