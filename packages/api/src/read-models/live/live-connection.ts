import type { Column, Row, RowKey } from '@tidemark/projections'
import type { ServerResponse } from 'node:http'
import { toJson } from '../../http/json-context.js'
import type { Filter } from '../read-query.js'
import { eventId, type ResumePoint } from './resume-point.js'
import { filterRows } from './row-filter.js'

/** What somebody wants to see live: one row, or those that meet filters. */
export interface LiveQuery {
  readonly key: RowKey | undefined
  readonly filters: readonly Filter[]
  readonly fields: readonly Column[]
}

/** Why what a client knows may be wrong: it begins, the rows are others than they were, or what it missed is not known any more. */
export type ResetReason = 'start' | 'rows-replaced' | 'too-far-behind'

/** One client of live rows. Never more than one answer waits for it: what it does not read is not written. */
export class LiveConnection {
  /** Up to where it has been told every change. */
  through = 0n
  reset: ResetReason | undefined
  /** Whether it waits for its row, changed or not. */
  wantsRow = false
  /** Connections with the same text are told the same. */
  readonly group: string
  readonly openedAt = performance.now()
  private blockedSince: number | undefined
  private toldLag = '0'
  private readonly meets: (row: Row) => boolean

  constructor(
    private readonly response: ServerResponse,
    readonly query: LiveQuery,
    /** Called when there is room again. */
    private readonly onDrain: () => void,
  ) {
    this.meets = filterRows(query.filters)
    const fields = query.fields.map(({ property }) => property)
    const filters = query.filters.map(({ column, operator, values }) => [column.property, operator, values])
    this.group = JSON.stringify([fields, filters])
  }

  /** For how long its client has not read; undefined when there is room. */
  get blockedMs(): number | undefined {
    return this.blockedSince === undefined ? undefined : performance.now() - this.blockedSince
  }

  /** The text that tells what became of a row. */
  tell(key: RowKey, row: Row | undefined, id: ResumePoint): string {
    if (!row || !this.meets(row)) return eventText('delete', { key }, id)
    const sent = Object.fromEntries(this.query.fields.map(({ property }) => [property, row[property]]))
    return eventText('row', sent, id)
  }

  tellReset(id: ResumePoint): void {
    if (!this.reset) return
    this.write(eventText('reset', { reason: this.reset }, id))
    this.reset = undefined
    this.through = id.position
    this.wantsRow = this.query.key !== undefined
  }

  tellLag(lag: bigint): void {
    const text = String(lag)
    if (this.blockedSince !== undefined || this.toldLag === text) return
    this.toldLag = text
    this.write(eventText('lag', { lag: text }))
  }

  /** Keeps proxies from ending the connection, and tells where it is without an event. */
  beat(tag: string): void {
    if (this.blockedSince === undefined) this.write(`: heartbeat\nid: ${eventId({ position: this.through, tag })}\n\n`)
  }

  write(text: string): void {
    if (this.response.destroyed || this.response.write(text)) return
    this.blockedSince = performance.now()
    this.response.once('drain', () => {
      this.blockedSince = undefined
      this.onDrain()
    })
  }

  /** Ends it; one whose client does not read is cut off, since its end would wait for the client. */
  end(): void {
    if (this.blockedSince === undefined) this.response.end()
    else this.response.destroy()
  }
}

function eventText(event: string, data: unknown, id?: ResumePoint): string {
  return `${id ? `id: ${eventId(id)}\n` : ''}event: ${event}\ndata: ${toJson(data)}\n\n`
}
