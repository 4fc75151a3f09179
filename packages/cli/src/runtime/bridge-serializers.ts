import { createSchemaRegistryClient, createSchemaRegistrySerializer, type PayloadSerializer } from '@tidemark/fanout'
import type { Settings } from '../config/resolve-settings.js'
import type { TidemarkConfig } from '../define-config.js'
import { ConfigError } from '../errors.js'

/**
 * Makes a serializer for each bridge, all by one client of the registry; undefined where bridges publish plain JSON.
 *
 * @throws {ConfigError} the registry has no address.
 */
export function bridgeSerializers(
  { aggregates, schemaRegistry }: TidemarkConfig,
  { registry: connection }: Settings,
): (() => PayloadSerializer) | undefined {
  if (!schemaRegistry) return undefined
  if (!connection) {
    throw new ConfigError(
      'schemaRegistry has no address: set SCHEMA_REGISTRY_URL, or its url in the configuration file',
    )
  }
  const registry = createSchemaRegistryClient(connection)
  return () => createSchemaRegistrySerializer({ ...schemaRegistry, registry, aggregates })
}
