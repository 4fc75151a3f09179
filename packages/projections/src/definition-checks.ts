import { ProjectionDefinitionError } from './errors.js'

/** @throws {ProjectionDefinitionError} the name cannot name a view, its tables and its routes. */
export function checkName(name: string): void {
  // With version and build the name of a table stays within Postgres's 63 bytes.
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 40)
    throw new ProjectionDefinitionError(name, 'its name is not kebab-case of at most 40 characters, like order-summary')
  if (/-v\d+-\d+$/.test(name))
    throw new ProjectionDefinitionError(name, 'its name ends like that of a table (-v1-1): choose another')
}

/** @throws {ProjectionDefinitionError} the version is not a whole number from 1. */
export function checkVersion(name: string, version: number): void {
  if (!Number.isInteger(version) || version < 1 || version > 1_000_000)
    throw new ProjectionDefinitionError(name, `its version ${version} is not a whole number from 1`)
}

/** One thing or a list of them, as a list. */
export function listOf<T>(oneOrMore: T | readonly T[]): readonly T[] {
  return Array.isArray(oneOrMore) ? (oneOrMore as readonly T[]) : [oneOrMore as T]
}

/** @throws {ProjectionDefinitionError} */
export function checkShards(projection: string, shards: number): void {
  if (!Number.isInteger(shards) || shards < 1 || shards > 256)
    throw new ProjectionDefinitionError(projection, `it cannot have ${shards} shards: a whole number from 1 to 256`)
}
