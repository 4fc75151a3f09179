import {
  readModelOf,
  type Column,
  type FilterOperator,
  type Projection,
  type ProjectionStore,
  type ReadModel,
} from '@tidemark/projections'
import { ApiConfigurationError } from '../errors.js'
import { jsonSchemaOf, type JsonSchema } from '../http/json-schema.js'
import { rowWriter, type RowWriter } from './row-json.js'

/** Query parameters with a meaning of their own, now or later: no column may have their names. */
export const reservedParameters = ['sort', 'limit', 'after', 'before', 'fields', 'asOf'] as const

/** One parameter that filters: `status`, or `total.gte`. */
export interface FilterParameter {
  readonly column: Column
  /** What a single value asks for; several of the same parameter are an `in`. */
  readonly operator: FilterOperator
  readonly repeatable: boolean
  /** The only values that the column can have, where its schema lists them. */
  readonly choices: readonly string[] | undefined
}

/** A read model, ready to be asked. */
export interface ServedModel extends ReadModel {
  readonly name: string
  readonly version: number
  readonly byProperty: ReadonlyMap<string, Column>
  readonly filters: ReadonlyMap<string, FilterParameter>
  /** The properties that may be sorted by; the key always may. */
  readonly sortable: readonly string[]
  readonly rowSchema: JsonSchema
  /** The category of the streams that rows are made from, one each, where the log is beside the rows. */
  readonly category: string | undefined
  /** Writes whole rows. */
  readonly writeRow: RowWriter
}

/**
 * Prepares a projection to be served.
 *
 * @throws {ApiConfigurationError} a property has the name of a reserved parameter.
 */
export function serveModel(store: ProjectionStore, projection: Projection): ServedModel {
  const { name, version, api, columns } = projection
  const model = readModelOf(store, projection)
  for (const { property } of columns) {
    if ((reservedParameters as readonly string[]).includes(property)) {
      throw new ApiConfigurationError(
        `projection "${name}" has a property "${property}", which is a query parameter of every read model: rename it`,
      )
    }
  }
  const rowSchema = jsonSchemaOf(projection.schema, 'output')
  const byProperty = new Map(columns.map((column) => [column.property, column]))
  const filters = new Map<string, FilterParameter>()
  for (const [property, operators = []] of Object.entries(api.filter ?? {})) {
    const column = byProperty.get(property)
    if (!column) continue
    const choices = choicesOf(rowSchema, property)
    for (const operator of operators) {
      if (operator === 'eq' || operator === 'in') {
        const repeatable = operator === 'in' || filters.get(property)?.repeatable === true
        filters.set(property, { column, operator: 'eq', repeatable, choices })
      } else {
        filters.set(`${property}.${operator}`, { column, operator, repeatable: false, choices })
      }
    }
  }
  const sortable = [...new Set([...(api.sort ?? []), model.key.property])]
  const category = projection.keyedByStream && !store.logDatabase ? projection.aggregates[0]?.name : undefined
  return { ...model, name, version, byProperty, filters, sortable, rowSchema, category, writeRow: rowWriter(columns) }
}

function choicesOf(rowSchema: JsonSchema, property: string): readonly string[] | undefined {
  const properties = rowSchema['properties'] as Readonly<Record<string, JsonSchema>> | undefined
  const choices = properties?.[property]?.['enum']
  return Array.isArray(choices) && choices.every((choice) => typeof choice === 'string') ? choices : undefined
}
