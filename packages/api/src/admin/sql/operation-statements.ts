import { run, type Database, type Statement } from '@tidemark/eventstore'
import { toJson } from '../../http/json-context.js'
import type { ProblemMember } from '../../http/problem-types.js'
import type { OperationFailure, OperationStatus, StoredOperation } from '../operations/operation.js'

const columns = `id, kind, target, input, audited, requested_by, correlation_id, reason, status, progress_done, progress_total, result,
       error_code, error, attempt, cancel_requested_at is not null, extract(epoch from created_at) * 1000,
       extract(epoch from started_at) * 1000, extract(epoch from ended_at) * 1000`

type OperationRow = [
  ...[id: string, kind: string, target: string, input: string, audited: string, requestedBy: string],
  ...[correlationId: string | null, reason: string, status: OperationStatus, done: string | null, total: string | null],
  ...[result: string | null, errorCode: string | null, error: string | null, attempt: string, cancel: string],
  ...[createdAt: string, startedAt: string | null, endedAt: string | null],
]

function operationOf(row: OperationRow): StoredOperation {
  const [id, kind, target, input, audited, requestedBy, correlationId, reason, status, done, total, result] = row
  const [code, error, attempt, cancel, createdAt, startedAt, endedAt] = row.slice(12) as [
    ...[string | null, string | null, string, string, string, string | null, string | null],
  ]
  return {
    ...{ id, kind, target, requestedBy, reason, status },
    input: JSON.parse(input) as unknown,
    audited: audited === 't',
    correlationId: correlationId ?? undefined,
    progress: done === null ? undefined : { done: BigInt(done), total: BigInt(total ?? done) },
    result: result === null ? undefined : (JSON.parse(result) as ProblemMember),
    error: error === null ? undefined : { code: code ?? 'UNKNOWN', message: error },
    attempts: Number(attempt),
    cancelRequested: cancel === 't',
    createdAt: new Date(Number(createdAt)),
    startedAt: startedAt === null ? undefined : new Date(Number(startedAt)),
    endedAt: endedAt === null ? undefined : new Date(Number(endedAt)),
  }
}

async function select(database: Database, statement: Statement, values: readonly unknown[]) {
  return (await run<OperationRow>(database, statement, values)).map(operationOf)
}

/** Who runs an operation, and for how long others believe that. */
export interface OperationLease {
  readonly owner: string
  readonly leaseMs: number
}

const insert: Statement = {
  name: 'admin/insert-operation',
  text: (schema) => `
insert into ${schema}.operations (id, kind, target, input, audited, requested_by, correlation_id, reason, status, owner, attempt, lease_until, started_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, case when $9::text is null then 'pending' else 'running' end, $9, ($9 is not null)::int,
        case when $9 is not null then clock_timestamp() + $10 * interval '1 ms' end, case when $9 is not null then clock_timestamp() end)
on conflict do nothing
returning ${columns}`,
}

export type NewOperationRow = Pick<
  StoredOperation,
  'id' | 'kind' | 'target' | 'input' | 'audited' | 'requestedBy' | 'correlationId' | 'reason'
>

/** Stores an operation, running where there is a lease; undefined where one of its kind is active on the target. */
export async function insertOperation(
  database: Database,
  operation: NewOperationRow,
  lease: OperationLease | undefined,
): Promise<StoredOperation | undefined> {
  const { id, kind, target, input, audited, requestedBy, correlationId, reason } = operation
  const [inserted] = await select(database, insert, [
    ...[id, kind, target, JSON.stringify(input), audited, requestedBy, correlationId ?? null, reason],
    ...[lease?.owner ?? null, lease?.leaseMs ?? 0],
  ])
  return inserted
}

const byId: Statement = {
  name: 'admin/select-operation',
  text: (schema) => `select ${columns} from ${schema}.operations where id = $1`,
}

export async function selectOperation(database: Database, id: string): Promise<StoredOperation | undefined> {
  return (await select(database, byId, [id]))[0]
}

const active: Statement = {
  name: 'admin/select-active-operations',
  text: (schema) => `
select ${columns} from ${schema}.operations
 where target = $2 and kind = any($1) and status in ('pending', 'running') order by id`,
}

/** What of these kinds waits or runs on a target. */
export function selectActiveOperations(
  database: Database,
  kinds: readonly string[],
  target: string,
): Promise<StoredOperation[]> {
  return select(database, active, [kinds, target])
}

const page: Statement = {
  name: 'admin/select-operations',
  text: (schema) => `
select ${columns} from ${schema}.operations
 where ($1::uuid is null or id < $1) and ($2::text[] is null or status = any($2)) and ($3::text is null or kind = $3) and ($4::text is null or target = $4)
 order by id desc
 limit $5`,
}

export interface OperationSelection {
  readonly after?: string | undefined
  readonly status?: readonly OperationStatus[] | undefined
  readonly kind?: string | undefined
  readonly target?: string | undefined
  readonly limit: number
}

/** The newest first. */
export function selectOperations(
  database: Database,
  { after, status, kind, target, limit }: OperationSelection,
): Promise<StoredOperation[]> {
  return select(database, page, [after ?? null, status ?? null, kind ?? null, target ?? null, limit])
}

const counts: Statement = {
  name: 'admin/count-active-operations',
  text: (schema) => `
select count(*) filter (where status = 'running'), count(*) filter (where status = 'pending') from ${schema}.operations
 where status in ('pending', 'running')`,
}

export async function countActiveOperations(database: Database): Promise<{ running: number; pending: number }> {
  const [[running, pending] = ['0', '0']] = await run<[string, string]>(database, counts, [])
  return { running: Number(running), pending: Number(pending) }
}

// One that waits for a lease to run out is passed over by the others that look for work.
const takeUp: Statement = {
  name: 'admin/take-up-operation',
  text: (schema) => `
update ${schema}.operations
   set status = 'running', owner = $1, attempt = attempt + 1, lease_until = clock_timestamp() + $2 * interval '1 ms',
       started_at = coalesce(started_at, clock_timestamp())
 where id = (
   select id from ${schema}.operations
    where status in ('pending', 'running') and (lease_until is null or lease_until < clock_timestamp())
      and kind = any($3) and (kind <> all($4) or target = any($5))
    order by id
    limit 1
      for update skip locked
 )
returning ${columns}`,
}

/** What a process can run: `kinds`, those of `named` only on these targets. */
export interface Runnable {
  readonly kinds: readonly string[]
  readonly named: readonly string[]
  readonly targets: readonly string[]
}

/** Takes the oldest operation that nobody runs, or whose process has let its lease run out. */
export async function takeUpOperation(
  database: Database,
  { owner, leaseMs }: OperationLease,
  { kinds, named, targets }: Runnable,
): Promise<StoredOperation | undefined> {
  return (await select(database, takeUp, [owner, leaseMs, kinds, named, targets]))[0]
}

// One that was let go of has no owner: a renewal that was on its way then must not keep it from others.
const renew: Statement = {
  name: 'admin/renew-operation',
  text: (schema) => `
update ${schema}.operations
   set lease_until = clock_timestamp() + $3 * interval '1 ms', progress_done = coalesce($4, progress_done), progress_total = coalesce($5, progress_total)
 where id = $1 and attempt = $2 and status = 'running' and owner is not null
returning cancel_requested_at is not null`,
}

/** Keeps an operation, and says whether its end was asked for; `lost` where somebody else has it. */
export async function renewOperation(
  database: Database,
  { id, attempts }: StoredOperation,
  { leaseMs, progress }: { readonly leaseMs: number; readonly progress: StoredOperation['progress'] },
): Promise<'kept' | 'cancelled' | 'lost'> {
  const values = [id, attempts, leaseMs, progress?.done ?? null, progress?.total ?? null]
  const [row] = await run<[string]>(database, renew, values)
  if (!row) return 'lost'
  return row[0] === 't' ? 'cancelled' : 'kept'
}

const end: Statement = {
  name: 'admin/end-operation',
  text: (schema) => `
update ${schema}.operations
   set status = $3, result = $4, error_code = $5, error = $6, progress_done = coalesce($7, progress_done), progress_total = coalesce($8, progress_total),
       owner = null, lease_until = null, ended_at = clock_timestamp()
 where id = $1 and attempt = $2 and status in ('pending', 'running')
returning ${columns}`,
}

export interface OperationEnd {
  readonly status: 'done' | 'failed' | 'cancelled'
  readonly result?: unknown
  readonly error?: OperationFailure
  readonly progress?: StoredOperation['progress']
}

/** Ends an operation; undefined where another process has it by now. */
export async function endOperation(
  database: Database,
  { id, attempts }: StoredOperation,
  { status, result, error, progress }: OperationEnd,
): Promise<StoredOperation | undefined> {
  const values = [
    ...[id, attempts, status, result === undefined ? null : toJson(result)],
    ...[error?.code ?? null, error?.message ?? null, progress?.done ?? null, progress?.total ?? null],
  ]
  return (await select(database, end, values))[0]
}

const release: Statement = {
  name: 'admin/release-operation',
  text: (schema) => `
update ${schema}.operations set lease_until = clock_timestamp(), owner = null where id = $1 and attempt = $2 and status = 'running'`,
}

/** Lets go of an operation, which any process may take up at once. */
export async function releaseOperation(database: Database, { id, attempts }: StoredOperation): Promise<void> {
  await run(database, release, [id, attempts])
}

const cancel: Statement = {
  name: 'admin/cancel-operation',
  text: (schema) => `
update ${schema}.operations set cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp())
 where id = $1 and status in ('pending', 'running')
returning ${columns}, lease_until is null or lease_until < clock_timestamp()`,
}

/** Asks for the end of an operation; undefined where it has ended. `idle` says that no process has it. */
export async function askToCancel(
  database: Database,
  id: string,
): Promise<{ readonly operation: StoredOperation; readonly idle: boolean } | undefined> {
  const [row] = await run<[...OperationRow, string]>(database, cancel, [id])
  return row && { operation: operationOf(row.slice(0, -1) as OperationRow), idle: row.at(-1) === 't' }
}
