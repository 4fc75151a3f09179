import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { HistoryWriter } from '../history/history-writer.js'

/** An event as the table has it. */
export interface LedgerEvent {
  readonly position: bigint
  readonly streamId: string
  readonly type: string
  readonly schemaVersion: number
  readonly data: { readonly owner?: string; readonly amount?: number; readonly cents?: number }
}

type Cells = readonly (string | number)[]
type Rows = Map<string, Cells>

/** A read model, and what its rows must be: written anew here, with nothing of the product. */
interface ModelRules {
  /** In the database, the key first. */
  readonly columns: readonly string[]
  readonly step: (rows: Rows, event: LedgerEvent) => void
}

const models = {
  'account-balances': {
    columns: ['account_id', 'owner', 'deposits', 'balance', 'trail'],
    step(rows, { streamId, type, data }) {
      if (!streamId.startsWith('account-')) return
      const id = streamId.slice('account-'.length)
      const [, owner = '', deposits = 0, balance = 0, trail = 1] = rows.get(id) ?? []
      if (type === 'Opened') rows.set(id, [id, data.owner ?? '', 0, 0, 1])
      if (type === 'Closed') rows.delete(id)
      if (type === 'Deposited' && rows.has(id)) {
        const amount = data.amount ?? 0
        const next = (Number(trail) * 31 + amount) % 1_000_003
        rows.set(id, [id, owner, Number(deposits) + 1, Number(balance) + amount, next])
      }
    },
  },
  'owner-totals': {
    columns: ['owner', 'deposits', 'total', 'trail'],
    step(rows, { streamId, type, data: { owner = '', amount = 0 } }) {
      if (type !== 'Deposited' || !streamId.startsWith('account-')) return
      const [, deposits = 0, total = 0, trail = 1] = rows.get(owner) ?? []
      const next = (Number(trail) * 31 + amount) % 1_000_003
      rows.set(owner, [owner, Number(deposits) + 1, Number(total) + amount, next])
    },
  },
  'bonus-totals': {
    columns: ['owner', 'events', 'total'],
    step(rows, { type, data: { owner = '', amount, cents = 0 } }) {
      if (type !== 'Deposited' && type !== 'BonusPaid') return
      const [, events = 0, total = 0] = rows.get(owner) ?? []
      rows.set(owner, [owner, Number(events) + 1, Number(total) + (amount ?? Math.round(cents / 100))])
    },
  },
  'rare-events': {
    columns: ['mark_id', 'marks'],
    step(rows, { streamId, type }) {
      if (type !== 'Marked') return
      const id = streamId.slice('mark-'.length)
      rows.set(id, [id, Number(rows.get(id)?.[1] ?? 0) + 1])
    },
  },
} as const satisfies Record<string, ModelRules>

export type ModelName = keyof typeof models

const page = 20_000

/** Hands over the log up to a position, in order; `queryable` may be in a snapshot. */
export async function* readLedger(
  queryable: Pick<pg.ClientBase, 'query'>,
  upTo: bigint,
): AsyncGenerator<LedgerEvent, void> {
  for (let after = '0'; ;) {
    const { rows } = await queryable.query<[string, string, string, number, LedgerEvent['data']]>({
      text: `select position::text, stream_id, type, schema_version, data from tidemark.events
              where position > $1 and position <= $2 order by events.position limit $3`,
      values: [after, String(upTo), page],
      rowMode: 'array',
    })
    for (const [position, streamId, type, schemaVersion, data] of rows) {
      after = position
      yield { position: BigInt(position), streamId, type, schemaVersion, data }
    }
    if (rows.length < page) return
  }
}

export interface ModelOptions {
  /** What the fold leaves out. */
  readonly without?: (event: LedgerEvent) => boolean
}

/** A read model as readers of its view have it in one snapshot. */
interface Snapshot {
  readonly position: bigint
  readonly rows: Rows
}

/**
 * Takes down a read model and its checkpoint, of one snapshot, and what the log up to there folds to.
 *
 * A model with several shards is at one position only when nobody appends: wait for it first.
 */
export async function recordModel(
  pool: pg.Pool,
  history: HistoryWriter,
  name: ModelName,
  { without = () => false }: ModelOptions = {},
): Promise<string> {
  const rules: ModelRules = models[name]
  const atMs = history.now()
  const { position, rows } = await readModel(pool, name, rules.columns)
  const folded: Rows = new Map()
  for await (const event of readLedger(pool, position)) if (!without(event)) rules.step(folded, event)
  const hash = hashOf(rows)
  const differences = [...new Set([...rows.keys(), ...folded.keys()])]
    .filter((key) => textOf(rows.get(key)) !== textOf(folded.get(key)))
    .slice(0, 5)
    .map((key) => `${textOf(rows.get(key))} where the fold has ${textOf(folded.get(key))}`)
  const counts = { rows: rows.size, foldedRows: folded.size }
  const hashes = { hash, foldedHash: hashOf(folded) }
  history.add({ kind: 'model', name, atMs, checkpoint: String(position), ...counts, ...hashes, differences })
  return hash
}

/**
 * Reads the view and its checkpoint in one statement, as a reader would.
 *
 * In a transaction with one snapshot the view could be turned between two statements: to a table whose rows are newer than the snapshot.
 */
async function readModel(pool: pg.Pool, name: ModelName, columns: readonly string[]): Promise<Snapshot> {
  const { rows } = await pool.query<(string | null)[]>({
    text: `
select live.position, ${columns.map((column) => `v.${column}::text`).join(', ')}
  from (
    select min(c.position)::text as position
      from tidemark.projections p
     cross join lateral tidemark.shard_checkpoints(p.table_name, p.shards) s(name)
      join tidemark.checkpoints c on c.name = s.name
     where p.name = $1 and p.status = 'live'
  ) live
  left join tidemark_read.${name.replaceAll('-', '_')} v on true`,
    values: [name],
    rowMode: 'array',
  })
  const found = rows.map(([, ...cells]) => cells.map((cell) => cell ?? '')).filter(([key]) => key !== '')
  return {
    position: BigInt(rows[0]?.[0] ?? 0),
    rows: new Map(found.map((cells) => [cells[0] ?? '', cells])),
  }
}

function textOf(cells: Cells | undefined): string {
  return cells ? cells.join(' ') : 'no row'
}

function hashOf(rows: Rows): string {
  const hash = createHash('sha256')
  for (const key of [...rows.keys()].sort()) hash.update(`${textOf(rows.get(key))}\n`)
  return hash.digest('hex')
}
