import type { AnyAggregate } from '@tidemark/eventstore'
import type { BridgeDefinition } from '../bridge/define-bridge.js'
import { SchemaNotExpressibleError, SchemaNotRegisteredError, SchemaRefusedError } from './errors.js'
import { eventRoutes, type EventRoute, type RegistryFormat } from './event-routes.js'
import type { SchemaRegistryClient } from './schema-registry-client.js'

/**
 * How the schema of an event stands to the registry: `unchanged`, it is there; `new`, nothing is there under its subject; `compatible`,
 * it can be registered; `incompatible`, or in other ways invalid to the registry; `not-expressible`, it cannot be said in Avro.
 */
export type RegistryStatus = 'new' | 'unchanged' | 'compatible' | 'incompatible' | 'not-expressible'

/** One kind of event that a bridge publishes, compared with the registry. */
export interface RegistryCheck {
  readonly bridge: string
  /** Undefined where its schema cannot be made. */
  readonly subject: string | undefined
  /** `order.OrderPlaced`. */
  readonly event: string
  readonly status: RegistryStatus
  /** The id of its schema; undefined where it is not registered. */
  readonly schemaId: number | undefined
  /** What does not fit, and where; empty otherwise. */
  readonly reasons: readonly string[]
}

export interface RegistryCheckOptions extends RegistryFormat {
  readonly registry: SchemaRegistryClient
  readonly aggregates: readonly AnyAggregate[]
  /** Whether what is new and fits is registered, once all of it fits; false unless said. */
  readonly register?: boolean
}

/**
 * Compares the schemas of all events that bridges publish with a registry: before a deployment, so that no bridge finds out at its start.
 *
 * Registers nothing unless it is told to, and then only when everything fits.
 *
 * @throws {SchemaRegistryUnavailableError} the registry does not answer.
 * @throws {BridgeConfigurationError} subjects cannot be named as said.
 *
 * @example
 * const checks = await checkRegistry([orders], { registry, aggregates: [Order], format: 'avro' })
 * if (checks.some(({ status }) => status === 'incompatible')) throw new Error('do not deploy')
 */
export async function checkRegistry(
  bridges: readonly BridgeDefinition[],
  options: RegistryCheckOptions,
): Promise<readonly RegistryCheck[]> {
  const { registry, aggregates, register = false } = options
  const checks: RegistryCheck[] = []
  const missing: EventRoute[] = []
  for (const bridge of bridges) {
    const routes = routesOf(bridge, aggregates, options)
    if (!Array.isArray(routes)) {
      checks.push(routes)
      continue
    }
    for (const route of routes) {
      const check = { bridge: bridge.name, ...(await checkRoute(registry, route)) }
      if (check.status === 'new' || check.status === 'compatible') missing.push(route)
      checks.push(check)
    }
  }
  if (register && checks.every(({ status }) => status !== 'incompatible' && status !== 'not-expressible')) {
    for (const { subject, codec } of missing) await registry.register(subject, codec.schema)
  }
  return checks
}

function routesOf(
  bridge: BridgeDefinition,
  aggregates: readonly AnyAggregate[],
  format: RegistryFormat,
): EventRoute[] | RegistryCheck {
  try {
    return eventRoutes(bridge, aggregates, format)
  } catch (error) {
    if (!(error instanceof SchemaNotExpressibleError)) throw error
    const { event, path, reason } = error
    const nothing = { bridge: bridge.name, subject: undefined, schemaId: undefined }
    return { ...nothing, event, status: 'not-expressible', reasons: [`${path}: ${reason}`] }
  }
}

async function checkRoute(
  registry: SchemaRegistryClient,
  { subject, codec }: EventRoute,
): Promise<Omit<RegistryCheck, 'bridge'>> {
  const about = { subject, event: `${codec.category}.${codec.type}` }
  try {
    return { ...about, status: 'unchanged', schemaId: await registry.idOf(subject, codec.schema), reasons: [] }
  } catch (error) {
    if (error instanceof SchemaRefusedError) {
      return { ...about, status: 'incompatible', schemaId: undefined, reasons: error.reasons }
    }
    if (!(error instanceof SchemaNotRegisteredError)) throw error
  }
  try {
    return { ...about, schemaId: undefined, ...(await registry.checkCompatibility(subject, codec.schema)) }
  } catch (error) {
    if (!(error instanceof SchemaRefusedError)) throw error
    return { ...about, status: 'incompatible', schemaId: undefined, reasons: error.reasons }
  }
}
