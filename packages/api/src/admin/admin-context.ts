import {
  hasPersonalData,
  hasTenancy,
  type AnyAggregate,
  type Compatibility,
  type EventStore,
  type StreamStore,
} from '@tidemark/eventstore'
import type { AnyProjection, Projection, ProjectionStore, RowKey } from '@tidemark/projections'
import type { FastifyRequest } from 'fastify'
import { principalOf } from '../auth/guard.js'
import { hasRole } from '../auth/principal.js'
import { ProblemError } from '../errors.js'
import { adviseName, quoted } from '../http/nearest-name.js'
import type { AdminBridge } from './admin-bridge.js'
import type { AdminConsumer } from './admin-consumer.js'
import type { AuditLog } from './audit-log.js'
import type { OperationRunner } from './operations/operation-runner.js'
import { highestMode, lesserMode, type PayloadMode } from './payload-view.js'

/** What the routes of the admin API work with. */
export interface AdminContext {
  readonly store: EventStore
  readonly readModels: ProjectionStore
  readonly aggregates: readonly AnyAggregate[]
  readonly projections: readonly AnyProjection[]
  readonly bridges: readonly AdminBridge[]
  readonly consumers: readonly AdminConsumer[]
  /** What is shown unless a request asks for another mode. */
  readonly payloads: PayloadMode
  /** What a change of a schema must keep working unless a request says. */
  readonly schemaCompatibility: Compatibility
  readonly audit: AuditLog
  readonly runner: OperationRunner
  readonly tenancy: StoreHasTenancy
}

/** Whether the store keeps tenants apart; asked once, which it answers once and for all. */
export class StoreHasTenancy {
  private known: Promise<boolean> | undefined

  constructor(private readonly store: EventStore) {}

  enabled(): Promise<boolean> {
    this.known ??= hasTenancy(this.store.database).catch((error: unknown) => {
      this.known = undefined
      throw error
    })
    return this.known
  }
}

/** The streams that a request may see, and how much of their data. */
export interface StreamScope {
  readonly streams: StreamStore
  readonly tenant: string | undefined
  readonly mode: PayloadMode
}

/**
 * Finds out which streams a request is about: its tenant's, where the store keeps tenants apart.
 *
 * Operators and admins of no tenant name one, and see no payloads.
 *
 * @throws {ProblemError} `forbidden`, `unknown-tenant`, `invalid-parameter`
 */
export async function scopeOf(
  { store, tenancy, payloads }: AdminContext,
  request: FastifyRequest,
  asked: { readonly tenant?: string | undefined; readonly payloads?: PayloadMode | undefined },
): Promise<StreamScope> {
  const principal = principalOf(request)
  const mode = modeOf(request, asked.payloads, payloads)
  if (!(await tenancy.enabled())) {
    refuseTenant(request)
    if (asked.tenant !== undefined) throw unknownTenant(asked.tenant)
    return { streams: store, tenant: undefined, mode }
  }
  const { tenant } = principal
  if (tenant !== undefined && asked.tenant !== undefined && asked.tenant !== tenant) throw unknownTenant(asked.tenant)
  if (tenant === undefined && !hasRole(principal, 'operator'))
    throw new ProblemError('forbidden', 'streams belong to tenants, and your token names none')
  const named = tenant ?? asked.tenant
  if (named === undefined) {
    const detail = 'the parameter tenant is missing: the streams of this store belong to tenants'
    throw new ProblemError('invalid-parameter', detail, { errors: [{ parameter: 'tenant', detail }] })
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(named)) throw unknownTenant(named)
  const streams = store.forTenant(named)
  await streams.admit()
  return { streams, tenant: named, mode: tenant === undefined ? 'none' : mode }
}

/** @throws {ProblemError} `forbidden`: the caller asks for more than its role may see. */
export function modeOf(request: FastifyRequest, asked: PayloadMode | undefined, usual: PayloadMode): PayloadMode {
  const highest = highestMode(principalOf(request))
  if (asked !== undefined && lesserMode(asked, highest) !== asked)
    throw new ProblemError('forbidden', `your role sees payloads ${highest} at most, not ${asked}`, {
      members: { payloads: highest },
    })
  return asked ?? lesserMode(usual, highest)
}

/** @throws {ProblemError} `forbidden`: the caller may touch the data of one tenant, and this is of all. */
export function refuseTenant(request: FastifyRequest): void {
  if (principalOf(request).tenant === undefined) return
  throw new ProblemError('forbidden', 'this is about all tenants, and your token is for one')
}

function unknownTenant(tenant: string): ProblemError {
  return new ProblemError('unknown-tenant', `there is no tenant ${quoted(tenant)} that you may see`)
}

/** @throws {ProblemError} `unknown-projection` */
export function projectionNamed({ projections }: Pick<AdminContext, 'projections'>, name: string): AnyProjection {
  const found = projections.find((projection) => projection.name === name)
  if (found) return found
  const advice = adviseName(
    name,
    projections.map((projection) => projection.name),
  )
  throw new ProblemError('unknown-projection', `there is no projection ${quoted(name)}: ${advice}`)
}

/** @throws {ProblemError} `unknown-projection`, or `not-a-read-model` for a handler, which has no table. */
export function readModelNamed(context: Pick<AdminContext, 'projections'>, name: string): Projection {
  const projection = projectionNamed(context, name)
  if (projection.kind === 'read-model') return projection
  throw new ProblemError('not-a-read-model', `projection "${name}" is a handler, which has no table`)
}

/**
 * A key as the rows of a read model have it: a number or a text.
 *
 * @throws {ProblemError} `invalid-input`: keys are numbers, and this is none.
 */
export function keyFor({ key, columns, name }: Projection, given: string): RowKey {
  if (columns.find(({ property }) => property === key)?.kind === 'string') return given
  if (given.trim() !== '' && Number.isFinite(Number(given))) return Number(given)
  throw new ProblemError('invalid-input', `the keys of "${name}" are numbers, ${quoted(given)} is none`)
}

/** @throws {ProblemError} `unknown-bridge` */
export function bridgeNamed({ bridges }: Pick<AdminContext, 'bridges'>, name: string): AdminBridge {
  const found = bridges.find((bridge) => bridge.name === name)
  if (found) return found
  const advice = adviseName(
    name,
    bridges.map((bridge) => bridge.name),
  )
  throw new ProblemError('unknown-bridge', `there is no bridge ${quoted(name)}: ${advice}`)
}

/** @throws {ProblemError} `unknown-consumer` */
export function consumerNamed({ consumers }: Pick<AdminContext, 'consumers'>, name: string): AdminConsumer {
  const found = consumers.find((consumer) => consumer.name === name)
  if (found) return found
  const advice = adviseName(
    name,
    consumers.map((consumer) => consumer.name),
  )
  throw new ProblemError('unknown-consumer', `there is no consumer ${quoted(name)}: ${advice}`)
}

/**
 * A function of a bridge or a consumer that takes Kafka; `doing` is what it does, for people.
 *
 * @throws {ProblemError} `action-refused`: the server was given no Kafka.
 */
export function withKafka<Thing extends AdminBridge | AdminConsumer, Name extends keyof Thing>(
  thing: Thing,
  name: Name,
  doing: string,
): NonNullable<Thing[Name]> {
  const method = thing[name]
  if (typeof method === 'function') return method.bind(thing) as NonNullable<Thing[Name]>
  throw new ProblemError(
    'action-refused',
    `this server cannot ${doing} "${thing.name}", for it knows no Kafka: set KAFKA_BROKERS where it runs`,
    { members: { code: 'API_CONFIGURATION' } },
  )
}

/** Whether personal data may be in the rows and errors of a projection, which nobody could tell from other data there. */
export function mayHoldPersonalData({ aggregates }: Pick<AnyProjection, 'aggregates'>): boolean {
  return aggregates.some(hasPersonalData)
}

/** Whether personal data may be in the errors of a bridge, whose functions get the data of events. */
export function mayPublishPersonalData(
  { aggregates }: Pick<AdminContext, 'aggregates'>,
  { filter: { categories } }: Pick<AdminBridge, 'filter'>,
): boolean {
  return aggregates.some((aggregate) => {
    return (!categories || categories.includes(aggregate.name)) && hasPersonalData(aggregate)
  })
}
