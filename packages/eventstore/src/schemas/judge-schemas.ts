import type { AnyAggregate } from '../define-aggregate.js'
import { presentTypesOf } from '../event-types.js'
import { mismatches } from './compare-json-schemas.js'
import type { Mismatch } from './compare-values.js'
import { jsonSchemaOf, textOf, type JsonSchema } from './json-schema.js'

/**
 * What a change of an event's schema must keep working: `backward`, this code reads what is in the log; `forward`, the code that runs
 * now reads what this code appends; `full`, both; `none`, nothing.
 */
export type Compatibility = 'backward' | 'forward' | 'full' | 'none'

/** A schema that some release registered. */
export interface RegisteredSchema {
  readonly category: string
  readonly type: string
  readonly schemaVersion: number
  /** 1, 2, 3 …: a schema may change within its version, and data of each revision is in the log. */
  readonly revision: number
  readonly schema: JsonSchema
  /** What was checked when it was registered. */
  readonly compatibility: Compatibility
  readonly registeredAt: Date
}

/** A place where a change breaks the reader of one direction. */
export interface SchemaDifference extends Mismatch {
  /** `backward`: this code does not fit what is in the log; `forward`: older code does not fit what this code appends. */
  readonly direction: 'backward' | 'forward'
}

/**
 * How an event of the code stands to what was registered: `new`, its type was not; `unchanged`; `compatible`, its schema changed within
 * its version and may; `raised`, its version did; `older`, the registered version is newer than this code; `incompatible`; or `dropped`,
 * the type was registered and this code neither has it nor says that it was renamed or retired.
 */
export type SchemaStatus = 'new' | 'unchanged' | 'compatible' | 'raised' | 'older' | 'incompatible' | 'dropped'

/** One event of an aggregate, compared with what was registered. */
export interface SchemaCheck {
  readonly category: string
  /** The present type. */
  readonly type: string
  /** The version of the code's schema; the registered one where the type was dropped. */
  readonly schemaVersion: number
  readonly status: SchemaStatus
  /** Why it is incompatible; empty otherwise. */
  readonly differences: readonly SchemaDifference[]
  /** The schema of the code; undefined where the type was dropped. */
  readonly schema: JsonSchema | undefined
  /** The newest registered schema of this version, or of the newest version where there is none of this. */
  readonly registered: RegisteredSchema | undefined
}

/** Compares the events of aggregates with what was registered, in the order of registration. Pure. */
export function judgeSchemas(
  aggregates: readonly AnyAggregate[],
  registered: readonly RegisteredSchema[],
  compatibility: Compatibility,
): SchemaCheck[] {
  return aggregates.flatMap((aggregate) => {
    const rows = registered.filter(({ category }) => category === aggregate.name)
    const checks = Object.keys(aggregate.events).map((type) => judgeEvent(aggregate, type, rows, compatibility))
    return [...checks, ...droppedTypes(aggregate, rows)]
  })
}

/** Whether the schema of the code is not yet in the list under its present type and version, and belongs there. */
export function isToRegister(check: SchemaCheck, registered: readonly RegisteredSchema[]): boolean {
  const { category, type, schemaVersion, status, schema } = check
  if (status === 'older' || status === 'dropped' || status === 'incompatible') return false
  return !registered.some(
    (row) =>
      row.category === category &&
      row.type === type &&
      row.schemaVersion === schemaVersion &&
      textOf(row.schema) === textOf(schema),
  )
}

function judgeEvent(
  aggregate: AnyAggregate,
  type: string,
  rows: readonly RegisteredSchema[],
  compatibility: Compatibility,
): SchemaCheck {
  const definition = aggregate.events[type]
  const schema = definition ? jsonSchemaOf(definition.schema) : false
  const schemaVersion = definition?.version ?? 0
  const names = [type, ...(definition?.formerly ?? [])]
  const known = rows.filter((row) => names.includes(row.type))
  const newestVersion = Math.max(0, ...known.map((row) => row.schemaVersion))
  const revisions = known.filter((row) => row.schemaVersion === schemaVersion)
  const latest = revisions.at(-1) ?? known.findLast((row) => row.schemaVersion === newestVersion)
  const result = (status: SchemaStatus, differences: readonly SchemaDifference[] = []): SchemaCheck => ({
    ...{ category: aggregate.name, type, schemaVersion, schema, registered: latest },
    ...(differences.length > 0 ? { status: 'incompatible', differences } : { status, differences }),
  })
  if (known.length === 0) return result('new')
  if (revisions.length === 0 && schemaVersion > newestVersion) {
    return result('raised', raisedDifferences(schemaVersion, newestVersion, compatibility))
  }
  const isKnown = revisions.some((row) => textOf(row.schema) === textOf(schema))
  if (schemaVersion < newestVersion && (isKnown || revisions.length === 0)) return result('older')
  // Also one that was replaced: instances of the release before start again while a new one is rolled out.
  if (isKnown) return result('unchanged')
  return result('compatible', changeDifferences(schema, revisions, compatibility))
}

/** An upcaster leads to the raised version, so this code reads the log; older code stops at a version that it does not know. */
function raisedDifferences(version: number, known: number, compatibility: Compatibility): SchemaDifference[] {
  if (compatibility === 'backward' || compatibility === 'none') return []
  return [{ direction: 'forward', path: '$', expected: `schema version ${known}`, found: `schema version ${version}` }]
}

function changeDifferences(
  schema: JsonSchema,
  revisions: readonly RegisteredSchema[],
  compatibility: Compatibility,
): SchemaDifference[] {
  const differences: SchemaDifference[] = []
  if (compatibility === 'backward' || compatibility === 'full') {
    // Data of every revision is in the log. What was registered unchecked was a decision, and is not asked about again.
    const since = revisions.findLastIndex((row) => row.compatibility === 'none')
    for (const row of revisions.slice(Math.max(0, since))) {
      differences.push(...mismatches(schema, row.schema).map((each) => ({ direction: 'backward' as const, ...each })))
    }
  }
  const latest = revisions.at(-1)
  if (latest && (compatibility === 'forward' || compatibility === 'full')) {
    differences.push(...mismatches(latest.schema, schema).map((each) => ({ direction: 'forward' as const, ...each })))
  }
  return [...new Map(differences.map((each) => [textOf(each), each])).values()]
}

function droppedTypes(aggregate: AnyAggregate, rows: readonly RegisteredSchema[]): SchemaCheck[] {
  if (aggregate.unknownEvents === 'ignore') return []
  const present = presentTypesOf(aggregate)
  const gone = new Map(rows.filter(({ type }) => !present.has(type)).map((row) => [row.type, row]))
  return [...gone.values()].map((row) => ({
    ...{ category: row.category, type: row.type, schemaVersion: row.schemaVersion },
    ...{ status: 'dropped', differences: [], schema: undefined, registered: row },
  }))
}
